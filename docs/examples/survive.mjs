// Calls `onMessage` once for every message, in order, whatever is deployed. For browsers and Node; on a command line:
// node --experimental-websocket survive.mjs ws://a:8000/ws ws://b:8000/ws

const FINAL = [1000, 1003, 1008, 1009]; // close codes after which no client should come back

export function survive(urls, onMessage) {
  let epoch, seq; // 1: the position; seq is the number of the last message
  let current, trying, timer;
  let turn = 0, failures = 0;

  function connect() {
    const url = new URL(urls[turn++ % urls.length]);
    if (epoch !== undefined) url.search = new URLSearchParams({ epoch, seq });
    const socket = (trying = new WebSocket(url, "ebb.v1"));
    socket.onmessage = ({ data }) => hear(socket, JSON.parse(data));
    socket.onclose = ({ code }) => end(socket, code);
    setTimeout(() => { if (socket === trying) socket.close(); }, 10_000); // Chromium may hold it back for 5 s
  }

  function hear(socket, said) {
    switch (said.type) {
      case "welcome":
        if (epoch !== undefined) return; // `resumed` or `gap` follows
        ({ epoch, seq } = said);
        return arrive(socket);
      case "gap": // it was away for longer than the server remembers
        epoch = said.epoch;
        seq = said.next - 1;
        console.error("messages are lost");
        return arrive(socket);
      case "resumed":
        return arrive(socket);
      case "message":
        if (said.seq <= seq) return; // 5: on two connections each message comes twice
        seq = said.seq;
        return onMessage(said);
      case "draining": // 2: the notice; 3: each client has a moment of its own
        return again(said.reconnect_after_s * 1000);
    }
  }

  function arrive(socket) {
    if (socket === current) return;
    const former = current;
    current = socket;
    trying = undefined;
    failures = 0;
    if (former === undefined) return;
    former.onmessage = former.onclose = null;
    former.close(1000); // 4: not before the new connection has arrived
  }

  function end(socket, code) {
    if (socket === current && FINAL.includes(code)) return console.error(`closed for good: ${code}`);
    if (socket === current) current = undefined;
    if (socket === trying) trying = undefined;
    if (trying === undefined) again(Math.random() * Math.min(10_000, 100 * 2 ** ++failures)); // full jitter
  }

  function again(ms) {
    clearTimeout(timer);
    timer = setTimeout(connect, ms);
  }

  connect();
}

if (globalThis.process) survive(process.argv.slice(2), ({ seq, data }) => console.log(seq, data));
