// The server of this page. The token is in the address behind `#`, which no request carries, and goes out as a header.

const token = new URLSearchParams(location.hash.slice(1)).get("token") ?? "";

/** The server is gone, or does not know this page. */
export class Unreachable extends Error {}

/** The server was started again: its token is another, and this page stays unknown to it. */
class Unknown extends Unreachable {}

/** Asks the server, and returns the JSON of its answer. What it refuses is thrown with its own words. */
export async function ask(path, body, { method = body === undefined ? "GET" : "POST", signal } = {}) {
  const answer = await sent(path, {
    method,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal,
  });
  const text = await answer.text();
  const value = text === "" ? undefined : JSON.parse(text);
  if (!answer.ok) throw new Error(value?.detail ?? `${answer.status} ${answer.statusText}`);
  return value;
}

async function sent(path, options) {
  let answer;
  try {
    const headers = {
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
    };
    answer = await fetch(`api/${path}`, { ...options, headers });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable(
      "The server of this page does not answer. Start `host-test studio` again, and open the address that it prints.",
    );
  }
  if (answer.status === 401) {
    throw new Unknown(
      "This address has no token, or an old one. Open the address that `host-test studio` printed.",
    );
  }
  return answer;
}

/**
 * Calls `tell` with each event that the server sends: `opened`, what happened before, `now`, and what happens from then on.
 * Once the server is gone it is told `gone`, and asked again.
 */
export async function listen(tell) {
  for (;;) {
    try {
      const { body } = await sent("events", {});
      tell({ kind: "opened" });
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        const events = (rest + value).split("\n\n");
        rest = events.pop();
        for (const event of events) {
          const data = event.split("\n").find((line) => line.startsWith("data: "));
          if (data !== undefined) tell(JSON.parse(data.slice("data: ".length)));
        }
      }
    } catch (error) {
      if (error instanceof Unknown) return tell({ kind: "gone" });
      if (!(error instanceof Unreachable) && !(error instanceof TypeError)) throw error;
    }
    tell({ kind: "gone" });
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

const RETRY_MS = 2_000;
