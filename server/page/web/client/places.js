// Where a client may connect to, and in which order: round robin, in an order of its own.
export class Places {
    #places;
    /** `places` are URLs as `wss://host/ws`, to which the client's name is added. Throws RangeError if there is none. */
    constructor(places, name) {
        if (places.length === 0)
            throw new RangeError("no place to connect to");
        const left = places.map((place) => named(new URL(place), name));
        this.#places = places.map(() => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
    }
    /** The next one; while there are others, not `draining`. */
    next(draining) {
        const at = this.#places.length > 1 && this.#places[0] === draining ? 1 : 0;
        const [place] = this.#places.splice(at, 1);
        this.#places.push(place);
        return place;
    }
}
function named(url, name) {
    url.pathname = `${url.pathname.replace(/\/$/, "")}/${encodeURIComponent(name)}`;
    return url;
}
