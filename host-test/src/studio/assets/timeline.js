// Calls as they happen: what the server tells of them, put together. Pure functions.

/** How many calls are remembered. */
const KEPT = 50;

/** The calls after one more event, the latest first. An event is of one of the kinds below; others change nothing. */
export function after(calls, event) {
  switch (event.kind) {
    case "opened": // What follows is everything that the server remembers.
    case "reset":
      return [];
    case "call-began": {
      const { id, method, at_us: began } = event;
      return [{ id, method, began, exchanges: [] }, ...calls].slice(0, KEPT);
    }
    case "exchange-began": {
      const { id, method, route, of_host: ofHost, at_us: began } = event;
      const begun = { id, method, route, ofHost, began };
      return changed(calls, event.call, (call) => ({ ...call, exchanges: [...call.exchanges, begun] }));
    }
    case "exchange-ended": {
      const end = { ended: event.at_us, status: event.status ?? undefined, error: event.error ?? undefined };
      return changed(calls, event.call, (call) => ({
        ...call,
        exchanges: call.exchanges.map((one) => (one.id === event.id ? { ...one, ...end } : one)),
      }));
    }
    case "call-ended":
      return changed(calls, event.id, (call) => ({ ...call, ended: event.at_us, outcome: event.outcome }));
    case "call-reported":
      return changed(calls, event.call, (call) => reported(call, event));
    default:
      return calls;
  }
}

function changed(calls, id, change) {
  return calls.map((call) => (call.id === id ? change(call) : call));
}

/** A call with the host's own report of it: what the component asked for comes in the same order. */
function reported(call, { waited_us: waited, computed_us: computed, exchanges }) {
  let at = 0;
  const withReport = (one) => (one.ofHost ? one : { ...one, report: exchanges[at++] });
  return { ...call, waited, computed, exchanges: call.exchanges.map(withReport) };
}

/** Where the requests of a call stand on a line from 0 to 1, and what each is. `now` ends what has not ended. */
export function parts(call, now) {
  const end = call.ended ?? now;
  const whole = Math.max(end - call.began, 1);
  const place = (at) => Math.min(Math.max((at - call.began) / whole, 0), 1);
  return call.exchanges.map((one) => ({
    from: place(one.began),
    to: place(one.ended ?? end),
    label: `${one.method} ${one.route}`,
    result: one.error ?? (one.status === undefined ? "under way" : String(one.status)),
    isWrong: one.error !== undefined || one.status >= 400,
    isCredential: one.ofHost === true,
    us: Math.max((one.ended ?? end) - one.began, 0),
    report: one.report,
  }));
}

/** How long each had of a call's time: the wait for its turn, the requests, the component, and the host around it. */
export function shares(call, now) {
  const end = call.ended ?? now;
  const { waited = 0, computed = 0 } = call;
  const requests = call.exchanges.reduce((sum, one) => sum + ((one.ended ?? end) - one.began), 0);
  return { waited, requests, computed, host: Math.max(end - call.began - waited - requests - computed, 0) };
}
