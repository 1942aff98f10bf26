// A form from a manifest: what each field of a method is. Pure functions, for the editor and for tests.
(function (root) {
  "use strict";

  const FROM_THE_MESSAGE = ["msg", "flow", "global", "jsonata", "env"];

  /** What a field may be given as, by its type in the manifest. One that is not known is text. */
  const TYPES = { number: "num", boolean: "bool", json: "json" };

  /** What a form shows of an input. */
  function fieldOf(input) {
    const own = TYPES[input.valueType] || "str";
    const hasChoices = input.choices.length > 0;
    return {
      name: input.name,
      label: input.label,
      description: input.description,
      placeholder: input.example,
      icon: /^[a-z0-9-]+$/.test(input.icon) ? input.icon : "circle-o",
      required: input.required,
      choices: input.choices,
      isColumns: input.name === "request_body",
      types: [hasChoices ? "choice" : own].concat(FROM_THE_MESSAGE),
      saved: { type: hasChoices ? "choice" : own, value: hasChoices ? input.defaultValue || "" : "" },
    };
  }

  /** The fields of a method, under their headings. */
  function groupsOf(method) {
    const groups = [];
    method.inputs.forEach(function (input) {
      const last = groups[groups.length - 1];
      if (last && last.title === input.group) last.fields.push(fieldOf(input));
      else groups.push({ title: input.group, fields: [fieldOf(input)] });
    });
    return groups;
  }

  /** The ports of a method: the names of its outcomes, the success first. */
  function portsOf(method) {
    return method.outcomes.map(function (outcome) {
      return outcome.caseName;
    });
  }

  /** What is wrong with the saved fields of a method, for the mark of a node that is not ready. */
  function missing(method, inputs) {
    return method.inputs
      .filter(function (input) {
        const field = (inputs || {})[input.name];
        const isEmpty = !field || field.value === "" || field.value.length === 0;
        return input.required && isEmpty;
      })
      .map(function (input) {
        return input.label;
      });
  }

  root.groupsOf = groupsOf;
  root.portsOf = portsOf;
  root.missing = missing;
})(typeof module === "object" ? module.exports : (window.ServiceNowForm = {}));
