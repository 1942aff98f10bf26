// What scripts of the instance find in their global scope: the server-side API, as far as integrations use it. It is
// evaluated to a function whose second argument reaches the instance, so that no script sees that.
(function (global, host) {
    'use strict';

    // The engine's own does not survive it when memory runs out.
    Object.defineProperty(Function.prototype, 'bind', {
        configurable: true,
        writable: true,
        value: function (self) {
            var target = this;
            var first = Array.prototype.slice.call(arguments, 1);
            return function () { return target.apply(self, first.concat(Array.prototype.slice.call(arguments))); };
        }
    });

    function ask(name) {
        var answer = host(name, JSON.stringify(Array.prototype.slice.call(arguments, 1), whole));
        return JSON.parse(answer);
    }

    function text(value) {
        return value === undefined || value === null ? '' : String(value);
    }

    // Half of a surrogate pair is text in the language and none that can be stored.
    function whole(key, value) {
        return typeof value === 'string' ? value.toWellFormed() : value;
    }

    function hidden(object, name, value) {
        Object.defineProperty(object, name, { value: value, writable: true });
    }

    function methods(constructor, functions) {
        Object.keys(functions).forEach(function (name) { hidden(constructor.prototype, name, functions[name]); });
    }

    // ---- elements ----

    function GlideElement(record, column) {
        hidden(this, '_record', record);
        hidden(this, '_column', column);
        if (column.reference) {
            walk(this, column.reference);
        }
    }

    // `current.caller_id.email`: each column of the table referred to, read when it is asked for.
    function walk(element, table) {
        ask('columns', table).forEach(function (column) {
            if (column.name in element) { return; }
            Object.defineProperty(element, column.name, {
                configurable: true,
                enumerable: true,
                get: function () {
                    var referred = element.getRefRecord();
                    return new GlideElement(referred, column);
                }
            });
        });
    }

    methods(GlideElement, {
        toString: function () { return text(this._record._row[this._column.name]); },
        valueOf: function () { return this.toString(); },
        toJSON: function () { return this.toString(); },
        getName: function () { return this._column.name; },
        getLabel: function () { return this._column.label; },
        getValue: function () { return this.toString(); },
        getDisplayValue: function () { return this._record.getDisplayValue(this._column.name); },
        getReferenceTable: function () { return this._column.reference || null; },
        getRefRecord: function () {
            var referred = new GlideRecord(this._column.reference || this._record._table);
            if (this._column.reference) { referred.get(this.toString()); }
            return referred;
        },
        setValue: function (value) { this._record.setValue(this._column.name, value); },
        setDisplayValue: function (value) { this._record.setDisplayValue(this._column.name, value); },
        nil: function () { return this.toString() === ''; },
        hasValue: function () { return !this.nil(); },
        canRead: function () { return true; },
        canWrite: function () { return true; },
        changes: function () {
            var before = this._record._before;
            return !!before && this.toString() !== text(before[this._column.name]);
        },
        changesTo: function (value) { return this.changes() && this.toString() === text(value); },
        changesFrom: function (value) { return this.changes() && text(this._record._before[this._column.name]) === text(value); },
        getJournalEntry: function (count) {
            var entries = ask('journal', this._record._row.sys_id, this._column.name);
            return (Number(count) < 0 ? entries : entries.slice(0, Number(count) || 1)).join('');
        }
    });

    // ---- records ----

    function GlideRecord(table) {
        if (!(this instanceof GlideRecord)) { return new GlideRecord(table); }
        var columns = ask('columns', text(table));
        hidden(this, '_table', text(table));
        hidden(this, '_columns', columns);
        hidden(this, '_workflow', true);
        hidden(this, '_aborted', false);
        reset(this);
        columns.forEach(expose.bind(null, this));
    }

    function reset(record) {
        hidden(record, '_conditions', []);
        hidden(record, '_orders', []);
        hidden(record, '_limit', null);
        hidden(record, '_rows', []);
        hidden(record, '_at', -1);
        hidden(record, '_row', {});
        hidden(record, '_set', {});
        hidden(record, '_before', null);
        hidden(record, '_operation', null);
        hidden(record, '_new', false);
    }

    function expose(record, column) {
        if (column.name in record) { return; }
        Object.defineProperty(record, column.name, {
            configurable: true,
            enumerable: true,
            get: function () { return new GlideElement(record, column); },
            set: function (value) { record.setValue(column.name, value); }
        });
    }

    function Condition(record, at) {
        hidden(this, '_record', record);
        hidden(this, '_at', at);
    }

    methods(Condition, {
        addOrCondition: function () {
            this._record._conditions[this._at] += '^OR' + condition(arguments);
            return this;
        },
        addCondition: function () {
            this._record._conditions[this._at] += '^' + condition(arguments);
            return this;
        }
    });

    function condition(given) {
        if (given.length < 3) { return text(given[0]) + '=' + text(given[1]); }
        return text(given[0]) + text(given[1]) + text(given[2]);
    }

    methods(GlideRecord, {
        addQuery: function () {
            this._conditions.push(arguments.length === 1 ? text(arguments[0]) : condition(arguments));
            return new Condition(this, this._conditions.length - 1);
        },
        addEncodedQuery: function (query) { this._conditions.push(text(query)); },
        addActiveQuery: function () { return this.addQuery('active', 'true'); },
        addNullQuery: function (name) { return this.addQuery(name + 'ISEMPTY'); },
        addNotNullQuery: function (name) { return this.addQuery(name + 'ISNOTEMPTY'); },
        orderBy: function (name) { this._orders.push('ORDERBY' + name); },
        orderByDesc: function (name) { this._orders.push('ORDERBYDESC' + name); },
        setLimit: function (count) { this._limit = Number(count); },
        getEncodedQuery: function () { return this._conditions.concat(this._orders).join('^'); },
        query: function () {
            if (arguments.length > 0) { this.addQuery.apply(this, arguments); }
            this._rows = ask('query', this._table, this.getEncodedQuery(), this._limit);
            this._at = -1;
        },
        _query: function () { this.query.apply(this, arguments); },
        hasNext: function () { return this._at + 1 < this._rows.length; },
        next: function () {
            if (!this.hasNext()) { return false; }
            this._at += 1;
            this._row = this._rows[this._at];
            this._set = {};
            this._new = false;
            return true;
        },
        _next: function () { return this.next(); },
        get: function (name, value) {
            var query = arguments.length < 2 ? 'sys_id=' + text(name) : text(name) + '=' + text(value);
            var found = text(arguments.length < 2 ? name : value) === '' ? [] : ask('query', this._table, query, 1);
            if (found.length === 0) { return false; }
            this._row = found[0];
            this._set = {};
            this._new = false;
            return true;
        },
        getRowCount: function () { return this._rows.length; },
        initialize: function () { reset(this); this._new = true; },
        newRecord: function () { this.initialize(); this._row = { sys_id: ask('guid') }; this._set = { sys_id: this._row.sys_id }; },
        isNewRecord: function () { return this._new || this._operation === 'insert'; },
        isValid: function () { return this._columns.length > 0; },
        isValidRecord: function () { return text(this._row.sys_id) !== ''; },
        isValidField: function (name) { return this._columns.some(function (column) { return column.name === name; }); },
        getValue: function (name) { var value = text(this._row[name]); return value === '' ? null : value; },
        setValue: function (name, value) {
            if (!this.isValidField(name)) { return; }
            this._row[name] = text(value);
            this._set[name] = this._row[name];
        },
        setDisplayValue: function (name, value) { this.setValue(name, ask('value', this._table, name, text(value))); },
        getDisplayValue: function (name) {
            if (name === undefined) { return text(this._row.number || this._row.name); }
            return ask('display', this._table, name, text(this._row[name]));
        },
        getElement: function (name) { return this[name]; },
        getUniqueValue: function () { return text(this._row.sys_id) || null; },
        getTableName: function () { return this._table; },
        getRecordClassName: function () { return text(this._row.sys_class_name) || this._table; },
        getLink: function () { return this._table + '.do?sys_id=' + text(this._row.sys_id); },
        operation: function () { return this._operation; },
        setWorkflow: function (on) { this._workflow = !!on; },
        autoSysFields: function () {},
        setAbortAction: function (abort) { this._aborted = !!abort; },
        isActionAborted: function () { return this._aborted; },
        canRead: function () { return true; },
        canWrite: function () { return true; },
        canCreate: function () { return true; },
        canDelete: function () { return true; },
        insert: function () {
            var stored = ask('insert', this._table, this._set, this._workflow);
            if (!stored) { return null; }
            this._row = stored;
            this._set = {};
            this._new = false;
            return stored.sys_id;
        },
        update: function () {
            var stored = ask('update', this._table, text(this._row.sys_id), this._set, this._workflow);
            if (!stored) { return null; }
            this._row = stored;
            this._set = {};
            return stored.sys_id;
        },
        updateMultiple: function () {
            var record = this;
            var set = this._set;
            ask('query', this._table, this.getEncodedQuery(), this._limit).forEach(function (row) {
                ask('update', record._table, row.sys_id, set, record._workflow);
            });
        },
        deleteRecord: function () { return ask('delete', this._table, text(this._row.sys_id), this._workflow); },
        deleteMultiple: function () {
            var record = this;
            ask('query', this._table, this.getEncodedQuery(), this._limit).forEach(function (row) {
                ask('delete', record._table, row.sys_id, record._workflow);
            });
        }
    });

    // ---- outbound HTTP ----

    var later = [];

    function RESTMessageV2() {
        hidden(this, '_request', { method: 'get', endpoint: '', headers: {}, body: '', timeout: null });
        hidden(this, '_query', []);
        hidden(this, '_variables', {});
        hidden(this, '_substitutes', true);
    }

    methods(RESTMessageV2, {
        setEndpoint: function (address) { this._request.endpoint = text(address); },
        getEndpoint: function () { return this._request.endpoint; },
        setHttpMethod: function (method) { this._request.method = text(method).toLowerCase(); },
        setRequestHeader: function (name, value) { this._request.headers[text(name)] = text(value); },
        setRequestBody: function (body) { this._request.body = text(body); },
        getRequestBody: function () { return this._request.body; },
        setQueryParameter: function (name, value) {
            this._query.push(encodeURIComponent(text(name)) + '=' + encodeURIComponent(text(value)));
        },
        setHttpTimeout: function (ms) { this._request.timeout = Number(ms); },
        setBasicAuth: function (name, password) { this._request.basic = [text(name), text(password)]; },
        setLogLevel: function () {},
        setMIDServer: function () {},
        setFollowRedirect: function (follows) { this._request.follows = !!follows; },
        // Variables of a body are filled in whether the message has any or not (KB1442596).
        disableForcedVariableSubstitution: function () { this._substitutes = false; },
        setStringParameter: function (name, value) { this._variables[text(name)] = text(value); },
        setStringParameterNoEscape: function (name, value) { this._variables[text(name)] = text(value); },
        execute: function () { return new RESTResponseV2(sendable(this), true); },
        executeAsync: function () { return new RESTResponseV2(sendable(this), false); }
    });

    function sendable(message) {
        var request = JSON.parse(JSON.stringify(message._request));
        if (message._substitutes) {
            request.body = request.body.replace(/\$\{([^}]*)\}/g, function (all, name) {
                return message._variables.hasOwnProperty(name) ? message._variables[name] : '';
            });
        }
        if (message._query.length > 0) {
            request.endpoint += (request.endpoint.indexOf('?') < 0 ? '?' : '&') + message._query.join('&');
        }
        return request;
    }

    // An answer that nobody waits for is sent for when the script has ended.
    function RESTResponseV2(request, now) {
        hidden(this, '_request', request);
        hidden(this, '_answer', null);
        if (now) { this._wait(); } else { later.push(this); }
    }

    methods(RESTResponseV2, {
        _wait: function () {
            if (this._answer === null) {
                var response = this;
                later = later.filter(function (other) { return other !== response; });
                this._answer = ask('http', this._request);
            }
            return this._answer;
        },
        waitForResponse: function () { this._wait(); },
        getStatusCode: function () { return this._wait().status; },
        getBody: function () { return this._wait().body; },
        getHeader: function (name) { return this._wait().headers[text(name).toLowerCase()] || null; },
        getHeaders: function () { return this._wait().headers; },
        haveError: function () { return !!this._wait().error; },
        getErrorCode: function () { return this._wait().error ? 1 : 0; },
        getErrorMessage: function () { return this._wait().error; }
    });

    // ---- the rest ----

    function log(level) {
        return function (message, source) { ask('log', level, text(message), text(source)); };
    }

    var user = null;
    function me() {
        if (user === null) { user = ask('user'); }
        return user;
    }

    var gs = {
        debug: log('debug'),
        info: log('info'),
        log: log('info'),
        print: log('info'),
        warn: log('warning'),
        error: log('error'),
        addInfoMessage: function (message) { ask('message', text(message)); },
        addErrorMessage: function (message) { ask('message', text(message)); },
        getUserID: function () { return me().sys_id; },
        getUserName: function () { return me().user_name; },
        getUser: function () {
            return {
                getID: gs.getUserID,
                getName: gs.getUserName,
                getDisplayName: gs.getUserDisplayName,
                hasRole: gs.hasRole
            };
        },
        getSession: function () {
            return {
                getClientData: function (key) { return ask('clientData', text(key)); },
                putClientData: function (key, value) { ask('putClientData', text(key), text(value)); }
            };
        },
        getUserDisplayName: function () { return me().name; },
        hasRole: function (roles) { return ask('role', text(roles)); },
        getProperty: function (name, otherwise) {
            var value = ask('property', text(name));
            return value === null ? (otherwise === undefined ? '' : otherwise) : value;
        },
        setProperty: function (name, value) { ask('setProperty', text(name), text(value)); },
        generateGUID: function () { return ask('guid'); },
        now: function () { return ask('now').slice(0, 10); },
        nowDateTime: function () { return ask('now'); },
        daysAgo: function (count) { return ago(count * 86400); },
        hoursAgo: function (count) { return ago(count * 3600); },
        minutesAgo: function (count) { return ago(count * 60); },
        urlEncode: function (value) { return encodeURIComponent(text(value)); },
        nil: function (value) { return text(value) === ''; },
        tableExists: function (table) { return ask('columns', text(table)).length > 0; },
        getMessage: function (message) { return text(message); },
        include: function () {},
        eventQueue: function () {},
        isInteractive: function () { return false; }
    };

    function ago(seconds) {
        var at = new GlideDateTime();
        at.addSeconds(-seconds);
        return at.getValue();
    }

    function GlideDateTime(value) {
        hidden(this, '_value', value === undefined ? ask('now') : text(value));
    }

    methods(GlideDateTime, {
        toString: function () { return this._value; },
        getValue: function () { return this._value; },
        getDisplayValue: function () { return this._value; },
        getNumericValue: function () { return Date.parse(this._value.replace(' ', 'T') + 'Z'); },
        addDaysUTC: function (count) { this.addSeconds(count * 86400); },
        compareTo: function (other) { return this.getNumericValue() - other.getNumericValue(); },
        addSeconds: function (count) {
            var at = new Date(this.getNumericValue() + count * 1000);
            this._value = at.toISOString().slice(0, 19).replace('T', ' ');
        }
    });

    // A button's script says where to go next; there is no page here.
    var action = {
        setRedirectURL: function () {},
        setReturnURL: function () {},
        getGlideURI: function () { return { getMap: function () { return {}; } }; }
    };

    var Class = { create: function () { return function () { this.initialize.apply(this, arguments); }; } };

    function AbstractAjaxProcessor() {}
    AbstractAjaxProcessor.prototype = {
        initialize: function (parameters) { hidden(this, '_parameters', parameters || {}); },
        getParameter: function (name) { return this._parameters[name] === undefined ? null : text(this._parameters[name]); },
        getName: function () { return this.getParameter('sysparm_name'); }
    };

    function share(name, value) {
        Object.defineProperty(global, name, { value: value, writable: true, configurable: true });
    }

    share('global', global);
    share('GlideRecord', GlideRecord);
    share('GlideRecordSecure', GlideRecord);
    share('GlideElement', GlideElement);
    share('GlideDateTime', GlideDateTime);
    share('gs', gs);
    share('action', action);
    share('sn_ws', { RESTMessageV2: RESTMessageV2 });
    share('Class', Class);
    share('AbstractAjaxProcessor', AbstractAjaxProcessor);
    Object.extendsObject = function (parent, members) {
        var made = Object.create(parent.prototype);
        Object.keys(members).forEach(function (name) { made[name] = members[name]; });
        return made;
    };
    // A script include is evaluated when its name is first used.
    ask('includes').forEach(function (name) {
        if (name in global) { return; }
        Object.defineProperty(global, name, {
            configurable: true,
            get: function () {
                delete global[name];
                (0, eval)(ask('include', name));
                return global[name];
            },
            set: function (value) { share(name, value); }
        });
    });

    return {
        // `current` and `previous` of a business rule.
        begin: function (table, operation, row, before) {
            var current = new GlideRecord(table);
            current._row = row;
            current._before = before;
            current._operation = operation;
            share('current', current);
            if (before && operation !== 'insert') {
                var previous = new GlideRecord(table);
                previous._row = JSON.parse(JSON.stringify(before));
                share('previous', previous);
            } else {
                share('previous', null);
            }
        },
        // What the script did to `current`, and what it left to be sent.
        end: function () {
            var current = global.current;
            var requests = later.map(function (response) { return response._request; });
            return JSON.stringify({
                set: current ? current._set : {},
                aborted: current ? current._aborted : false,
                requests: requests
            });
        }
    };
})
