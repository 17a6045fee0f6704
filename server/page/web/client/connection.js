// One connection of `ebb.v1`.
//
// Owns the socket, and what the envelopes mean that are about this connection: when it has arrived, when it is to be
// left, when it is over. Refuses to know the client's other connections, and when to connect.
import { Deferred } from "./deferred.js";
const OPEN = 1;
const NORMAL_CLOSURE = 1000;
export class Connection {
    rooms;
    position;
    listener;
    /** True once the server has said what it owes a new connection: `welcome`, and to a resume `resumed` or `gap`. */
    arrived;
    noticed;
    ended;
    welcomed = false;
    over = false;
    #arrived = new Deferred();
    #noticed = new Deferred();
    #ended = new Deferred();
    #socket;
    #resumes;
    #left = false;
    #epoch;
    /** Connects to `url` from a position; `rooms` are those that the handshake names. */
    constructor(WebSocket, url, protocols, rooms, position, listener) {
        this.rooms = rooms;
        this.position = position;
        this.listener = listener;
        this.arrived = this.#arrived.promise;
        this.noticed = this.#noticed.promise;
        this.ended = this.#ended.promise;
        this.#resumes = position.epoch !== "";
        this.#epoch = position.epoch;
        const query = new URLSearchParams([...rooms].map((room) => ["room", room]));
        if (this.#resumes) {
            query.set("epoch", position.epoch);
            query.set("seq", String(position.seq));
        }
        const whole = new URL(url);
        whole.search = query.toString();
        this.#socket = new WebSocket(whole.href, protocols);
        this.#socket.onmessage = (event) => this.#hear(JSON.parse(event.data));
        this.#socket.onclose = (event) => this.#end({ code: event.code, reason: event.reason });
        this.#socket.onerror = () => { }; // a close follows
    }
    /** Sends a request; says whether it could. */
    send(request) {
        const open = !this.over && this.welcomed && this.#socket.readyState === OPEN;
        if (open)
            this.#socket.send(JSON.stringify(request));
        return open;
    }
    /**
     * Leaves. Messages that still arrive do not count, acknowledgements do: where the client has moved to, it is in other
     * rooms by and by, and of two connections in different rooms neither has every message in order.
     */
    leave() {
        this.#left = true;
        this.#socket.close(NORMAL_CLOSURE);
    }
    /** Takes the connection for cut: nothing that arrives later counts. */
    abandon(reason) {
        this.#socket.onmessage = null;
        this.#end({ code: 1006, reason });
        this.#socket.close(NORMAL_CLOSURE);
    }
    #hear(said) {
        switch (said.type) {
            case "welcome":
                this.welcomed = true;
                this.#epoch = said.epoch;
                this.position.begin(said.epoch, said.seq);
                if (!this.#resumes)
                    this.#arrived.resolve(true);
                break;
            case "resumed":
                this.#arrived.resolve(true);
                break;
            case "gap":
                this.#epoch = said.epoch;
                if (!this.#left && this.position.skip(said))
                    this.listener.onGap(said);
                this.#arrived.resolve(true);
                break;
            case "message":
                if (!this.#left && this.position.reach(this.#epoch, said.seq))
                    this.listener.onMessage(said);
                break;
            case "ack":
                this.listener.onAck(said.id, said.seq);
                break;
            case "draining":
                this.#noticed.resolve(said);
                break;
            case "error":
                this.listener.onError(said.code, said.detail, said.id, said.retry_after_s);
                break;
            case "expiring":
                if (!this.#left)
                    this.listener.onExpiring(this, said.expires_in_s);
                break;
            case "renewed":
                if (!this.#left)
                    this.listener.onRenewed();
                break;
        }
    }
    #end(closed) {
        this.over = true;
        this.#arrived.resolve(false);
        this.#ended.resolve(closed);
    }
}
