// What a client may be told, and what it is held to: the server's own limits, so that nothing is refused over the wire.
const MOST_ROOMS = 100;
const LONGEST_ID = 200; // in characters
const LONGEST_NAME = 128; // of a room, in bytes
/** Throws RangeError for the id of a publish that the server would not take. */
export function checkId(id) {
    if (id.length < 1 || id.length > LONGEST_ID) {
        throw new RangeError(`id of ${id.length} characters: 1 to ${LONGEST_ID} are allowed`);
    }
}
/** Throws RangeError for a name of a room that the server would not take. */
export function checkName(what, name) {
    const size = new TextEncoder().encode(name).length;
    if (size < 1 || size > LONGEST_NAME) {
        throw new RangeError(`${what} of ${size} bytes: 1 to ${LONGEST_NAME} are allowed`);
    }
    if (/\p{Cc}/u.test(name))
        throw new RangeError(`${what} with a control character`);
}
/** Throws RangeError for rooms that no handshake could name. */
export function checkRooms(rooms) {
    for (const room of rooms)
        checkName("room", room);
    if (rooms.size > MOST_ROOMS)
        throw new RangeError(`${rooms.size} rooms, limit ${MOST_ROOMS}`);
}
/** Copies what is to be published as JSON has it: it may be repeated. Throws TypeError for what JSON cannot hold. */
export function copyOf(data) {
    const text = JSON.stringify(data);
    if (text === undefined)
        throw new TypeError(`JSON cannot hold ${typeof data}`);
    return JSON.parse(text);
}
/** Finds the WebSocket to use. Throws TypeError where there is none. */
export function socketOf(options) {
    const found = options.WebSocket ?? globalThis.WebSocket;
    if (found === undefined)
        throw new TypeError("there is no WebSocket here: pass that of `ws` as an option");
    return found;
}
/** Lists the subprotocols of a handshake. */
export function protocolsOf(token) {
    return token === undefined ? ["ebb.v1"] : ["ebb.v1", `bearer.${token}`];
}
/** Draws a name that nobody else has. */
export function randomName() {
    const numbers = crypto.getRandomValues(new Uint32Array(4));
    return [...numbers].map((each) => each.toString(36)).join("");
}
