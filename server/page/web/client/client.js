// A client of `ebb.v1` that survives deploys: nothing lost, nothing doubled.
//
// Owns when to connect, to which place, and which connection to leave. Told of a drain it stays until its moment, then
// connects to the next place, resumes there, and leaves the old connection once the new one has arrived: until then it
// hears on both. Cut off it reconnects with full jitter, and resumes. What it published it repeats until it is
// acknowledged.
// Refuses to know what an envelope means for a connection (`connection`).
import { backoffMs } from "./backoff.js";
import { Connection } from "./connection.js";
import { Deferred, sleep } from "./deferred.js";
import { checkId, checkName, checkRooms, copyOf, protocolsOf, randomName, socketOf } from "./options.js";
import { Places } from "./places.js";
import { Position } from "./position.js";
import { Publishing, PublishRefused } from "./publishing.js";
import { refuses } from "./refusal.js";
import { Tokens } from "./tokens.js";
/** Which close codes are final: normal closure, no text, policy (a slow consumer, replaced), too big. */
const FINAL = new Set([1000, 1003, 1008, 1009]);
const TOKEN_EXPIRED = 4401; // final where there is no other token
const TOKEN_REFUSED = { code: TOKEN_EXPIRED, reason: "the server refuses the token (HTTP 401)" };
const STEADY_MS = 5_000; // a connection that lasted so long was no failure
/** Connects, and returns the client once a place has let it in. `places` are URLs as `wss://host/ws`, tried in turn. */
export async function connect(places, options = {}) {
    const list = typeof places === "string" || places instanceof URL ? [places] : [...places];
    const client = new Client(list, options);
    await client.connected;
    return client;
}
export class Client {
    name;
    /** Settled when the client is in for the first time. */
    connected;
    /** Settled when the client has ended for good: by `close()`, or with a code after which none should reconnect. */
    closed;
    #connected = new Deferred();
    #closed = new Deferred();
    #stop = new AbortController();
    #options;
    #tokens;
    #places;
    #position = new Position();
    #rooms;
    #publishing;
    #run = randomName();
    #WebSocket;
    #published = 0;
    #current;
    #attempt;
    #draining = new Deferred();
    #watch;
    #held;
    /** A token that was shown on the current connection, or is to be, and is not accepted yet. */
    #renewal;
    /** Use `connect`. Throws where there is no place, no WebSocket, or too many rooms. */
    constructor(places, options) {
        this.name = options.name ?? randomName();
        this.connected = this.#connected.promise;
        this.closed = this.#closed.promise;
        this.#options = options;
        this.#tokens = new Tokens(options.token);
        this.#places = new Places(places, this.name);
        this.#rooms = new Set(options.rooms);
        this.#publishing = new Publishing(options.mostWaiting ?? 1_000);
        this.#WebSocket = socketOf(options);
        checkRooms(this.#rooms);
        this.#live().catch((error) => this.#end({ code: 1006, reason: String(error) }));
    }
    /** The drain notice of the place where the client is: pending until it comes, another promise after each move. */
    get draining() {
        return this.#draining.promise;
    }
    /**
     * Publishes to everyone else, or to everyone else in a room; returns its number. It is repeated with the same `id`
     * after each reconnect, and published once. Rejects with PublishRefused, with RangeError when too many wait, with
     * TypeError for what JSON cannot hold, and with Error when the client has ended.
     */
    async publish(data, { room, id } = {}) {
        if (this.#stop.signal.aborted)
            throw new Error("the client has ended");
        const key = id ?? `${this.#run}-${++this.#published}`;
        checkId(key);
        if (room !== undefined)
            checkName("room", room);
        const request = { type: "publish", id: key, ...(room === undefined ? {} : { room }), data: copyOf(data) };
        const answer = this.#publishing.take(request);
        if (this.#flow() && this.#current !== undefined)
            this.#expectAnswer(this.#current);
        return answer;
    }
    /**
     * Enters a room (while a connection is being made, on the new one), and stays in it over reconnects. Throws
     * RangeError for too many rooms.
     */
    join(room) {
        checkRooms(new Set([...this.#rooms, room]));
        this.#rooms.add(room);
        this.#settleRooms();
    }
    /** Leaves a room: no message of it comes after this. */
    leave(room) {
        this.#rooms.delete(room);
        this.#settleRooms();
    }
    /** Leaves for good. What is not acknowledged is rejected. Returns when the connection is closed. */
    async close() {
        const current = this.#current;
        this.#attempt?.leave();
        current?.leave();
        this.#stop.abort();
        this.#end((await current?.ended) ?? { code: 1000, reason: "" });
        return this.closed;
    }
    async #live() {
        let failures = 0;
        let notifiedBy;
        while (!this.#stop.signal.aborted) {
            const place = await this.#arrive(notifiedBy, failures);
            const current = this.#current;
            if (place === undefined || current === undefined)
                return;
            const since = Date.now();
            const notice = await Promise.race([current.noticed, current.ended.then(() => undefined)]);
            if (notice !== undefined) {
                this.#draining.resolve(notice);
                await Promise.race([sleep(notice.reconnect_after_s * 1000, this.#stop.signal), current.ended]);
            }
            if (this.#stop.signal.aborted)
                return;
            if (!current.over) {
                notifiedBy = place;
                failures = 0;
                continue;
            }
            const closed = await current.ended;
            if (this.#isFinal(closed))
                return this.#end(closed);
            notifiedBy = undefined;
            failures = Date.now() - since < STEADY_MS ? failures + 1 : 1;
        }
    }
    /** Tries places until one lets the client in, and makes that its connection; undefined when the client has ended. */
    async #arrive(notifiedBy, failures) {
        for (;; failures++) {
            await sleep(backoffMs(failures), this.#stop.signal);
            let token;
            try {
                token = await this.#tokens.get();
            }
            catch (error) {
                if (this.#position.epoch === "")
                    throw error; // whoever waits for the first connection is told
                if (this.#stop.signal.aborted)
                    return undefined;
                continue;
            }
            if (this.#stop.signal.aborted)
                return undefined;
            const place = this.#places.next(notifiedBy);
            const rooms = new Set(this.#rooms);
            const attempt = new Connection(this.#WebSocket, place, protocolsOf(token), rooms, this.#position, this.#listener);
            this.#attempt = attempt;
            const patience = sleep(this.#options.arriveWithinMs ?? 10_000, this.#stop.signal);
            await Promise.race([attempt.arrived, patience]);
            this.#attempt = undefined;
            if (this.#stop.signal.aborted)
                return undefined;
            if (attempt.welcomed && !attempt.over) {
                this.#moveTo(attempt, place);
                return place;
            }
            const refused = attempt.over && !attempt.welcomed; // a place that does not answer is not asked again
            attempt.abandon("did not let the client in");
            this.#settleRooms();
            if (refused && token !== undefined && !this.#tokens.renews && (await refuses(place, token))) {
                if (!this.#stop.signal.aborted)
                    this.#end(TOKEN_REFUSED);
                return undefined;
            }
        }
    }
    #moveTo(connection, place) {
        const former = this.#current;
        this.#current = connection;
        this.#draining = new Deferred();
        this.#release();
        this.#renewal = undefined;
        this.#publishing.begin();
        this.#flow();
        this.#expectAnswer(connection);
        former?.leave();
        void connection.ended.then((closed) => {
            if (this.#current === connection && !this.#stop.signal.aborted && !this.#isFinal(closed)) {
                this.#options.onCut?.(closed);
            }
        });
        this.#settleRooms();
        this.#connected.resolve();
        this.#options.onConnected?.(place);
    }
    #isFinal({ code }) {
        return FINAL.has(code) || (code === TOKEN_EXPIRED && !this.#tokens.renews);
    }
    /** Shows another token on a connection before the one that it has expires. */
    async #renew(connection, withinS) {
        const over = new AbortController();
        void connection.ended.then(() => over.abort());
        const token = await this.#tokens.another(withinS, over.signal);
        if (token === undefined || connection !== this.#current)
            return;
        this.#renewal = token;
        if (this.#held === undefined)
            connection.send({ type: "renew", token });
    }
    /**
     * Joins and leaves on the current connection what changed since it began. Not while another is being made, which has
     * named the rooms of its handshake: of two connections in different rooms neither has every message in order.
     */
    #settleRooms() {
        const current = this.#current;
        if (current === undefined || this.#attempt !== undefined || this.#held !== undefined)
            return;
        for (const room of this.#rooms) {
            if (!current.rooms.has(room) && current.send({ type: "join", room }))
                current.rooms.add(room);
        }
        for (const room of current.rooms) {
            if (!this.#rooms.has(room) && current.send({ type: "leave", room }))
                current.rooms.delete(room);
        }
    }
    /** Sends the publishes that may be on their way now; whether there were any. */
    #flow() {
        let any = false;
        if (this.#held === undefined) {
            this.#publishing.flow((request) => {
                const sent = this.#current?.send(request) ?? false;
                any ||= sent;
                return sent;
            });
        }
        return any;
    }
    /** Publishes nothing until the server has said that it may: it was too fast. */
    #hold(seconds) {
        clearTimeout(this.#held);
        this.#held = setTimeout(() => {
            this.#held = undefined;
            if (this.#renewal !== undefined)
                this.#current?.send({ type: "renew", token: this.#renewal });
            this.#settleRooms();
            this.#answered();
        }, seconds * 1000);
    }
    #release() {
        clearTimeout(this.#held);
        this.#held = undefined;
    }
    /** Takes a connection for cut on which nothing is acknowledged in time: a dead link does not say that it is. */
    #expectAnswer(connection) {
        clearTimeout(this.#watch);
        this.#watch = undefined;
        if (this.#publishing.size > 0 && this.#held === undefined) {
            const ms = this.#options.acknowledgeWithinMs ?? 10_000;
            this.#watch = setTimeout(() => connection.abandon(`nothing acknowledged for ${ms} ms`), ms);
        }
    }
    #answered() {
        this.#flow();
        if (this.#current !== undefined)
            this.#expectAnswer(this.#current);
    }
    #listener = {
        onMessage: (message) => {
            if (message.room === null || this.#rooms.has(message.room))
                this.#options.onMessage?.(message);
        },
        onGap: (gap) => this.#options.onGap?.(gap),
        onAck: (id, seq) => {
            this.#publishing.acknowledge(id, seq);
            this.#answered();
        },
        onError: (code, detail, named, retryAfterS) => {
            if (retryAfterS !== undefined) {
                if (named === undefined)
                    this.#current?.rooms.clear(); // a join or a leave, and nobody knows which
                if (named === undefined || this.#publishing.putBack(named)) {
                    this.#hold(retryAfterS);
                    return this.#answered();
                }
            }
            // without an id the server could not read a publish: the oldest one, for it answers in order
            const id = named ?? (code === "malformed" ? this.#publishing.oldest : undefined);
            if (id !== undefined)
                this.#publishing.refuse(id, new PublishRefused(code, detail, id));
            this.#answered();
        },
        onExpiring: (connection, inS) => {
            if (this.#tokens.renews)
                void this.#renew(connection, inS);
        },
        onRenewed: () => {
            this.#renewal = undefined;
        },
    };
    #end(closed) {
        this.#stop.abort();
        clearTimeout(this.#watch);
        this.#release();
        const reason = new Error(`the client has ended: ${closed.code} ${closed.reason}`);
        this.#publishing.refuseAll(reason);
        this.#connected.reject(reason);
        this.#closed.resolve(closed);
    }
}
