// Whether a place lets nobody in with a token: a WebSocket does not tell with which status its handshake was refused.
//
// Owns the question over HTTP, which gates a request as it gates a handshake. Refuses to know what follows from it.

const WITHIN_MS = 5_000;

/** Whether a place says that a token is worth nothing (401). Not where it cannot be asked, as on another origin. */
export async function refuses(place: URL, token: string): Promise<boolean> {
  const url = new URL(place);
  url.protocol = place.protocol === "wss:" ? "https:" : "http:";
  const headers = { authorization: `Bearer ${token}` };
  const asked = fetch(url, { headers, signal: AbortSignal.timeout(WITHIN_MS) });
  return asked.then(
    ({ status }) => status === 401,
    () => false,
  );
}
