// The page: connects, shows what happens, and is moved in a drain as any client is.
//
// Owns what belongs to the conversation as a whole. The client is that of `clients/typescript`; each part of the page has
// a module of its own.

import { Client } from "./client/index.js";
import { announce, find, make, onSubmit } from "./dom.js";
import { Drain } from "./drain.js";
import { addMore } from "./more.js";
import { People, ROOM } from "./people.js";
import { Rate } from "./rate.js";
import { Stream } from "./stream.js";

const stream = new Stream();
const drain = new Drain();
const rate = new Rate();
const state = find("#state", HTMLElement);
const connect = find("#connect", HTMLButtonElement);
const send = find("#send", HTMLButtonElement);
const name = find("#name", HTMLInputElement);
const text = find("#text", HTMLInputElement);
const to = find("#to", HTMLSelectElement);
const room = find("#room", HTMLInputElement);
const token = find("#token", HTMLInputElement);
const guarded = find('meta[name="auth"]', HTMLMetaElement).content !== "";

/** @type {Set<string>} */
const rooms = new Set();
/** @type {Client | undefined} */
let client;
/** @type {People | undefined} */
let people;

/** Where this service is: the hosts that the server names, or else the one that the page came from. */
const places = (find('meta[name="places"]', HTMLMetaElement).content || here()).split(",").map((each) => new URL(each));

function here() {
  const url = new URL("ws", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return url.href;
}

/**
 * @param {"here" | "away" | "draining" | "cut"} which
 * @param {string} words
 */
function show(which, words) {
  state.dataset["state"] = which;
  state.textContent = words;
}

function begin() {
  const self = `${name.value.trim()}-${Math.random().toString(36).slice(2, 6)}`;
  let cutAt = 0;
  /** @type {string | undefined} */
  let host;
  let moving = false;
  let missing = false;
  const mine = new Client(places, {
    name: self,
    rooms: [ROOM, ...rooms],
    ...(guarded ? { token: () => token.value } : {}),
    onMessage: (message) => {
      if (message.room === ROOM) return people?.hear(message.from ?? "", message.data);
      stream.hear(message);
      rate.count();
    },
    onGap: ({ after, next, epoch }) => {
      missing = true;
      const lost = next > after + 1 ? `Messages ${after + 1} to ${next - 1} are lost` : "Messages may be lost";
      stream.note(`${lost}: the server no longer has them (its log is ${epoch}).`, "lost");
    },
    onConnected: (place) => {
      if (cutAt > 0) noteArrival(`Back, on ${place.host}, after ${((performance.now() - cutAt) / 1000).toFixed(1)} s`);
      else if (moving) noteArrival(place.host === host ? `Moved to the new server at ${host}` : `Moved from ${host} to ${place.host}`);
      else stream.note(`Connected to ${place.host} as ${self}.`);
      host = place.host;
      cutAt = 0;
      moving = missing = false;
      drain.end();
      show("here", `connected to ${host} as ${self}`);
      void mine.draining.then((notice) => {
        moving = true;
        drain.begin(notice);
        show("draining", `${host} is going away`);
        stream.note(`${host} is going away. The move is to come.`);
      });
    },
    onCut: ({ code, reason }) => {
      cutAt = performance.now();
      drain.end();
      show("cut", "cut off; coming back");
      stream.note(`Cut off: ${code}${reason && ` ${reason}`}. Coming back.`, "lost");
    },
  });

  /** @param {string} words */
  function noteArrival(words) {
    stream.note(missing ? `${words}.` : `${words}. Nothing is missing.`);
    announce(words);
  }

  client = mine;
  show("away", "connecting");
  connect.textContent = "Leave";
  name.readOnly = true;
  send.disabled = false;
  void mine.connected.then(
    () => {
      people = new People(self, (word) => void mine.publish(word, { room: ROOM }).catch(() => {}));
    },
    () => {}, // it ended before: `closed` says so
  );
  void mine.closed.then(({ code, reason }) => {
    if (client === mine) end(`closed: ${code}${reason && ` ${reason}`}`);
  });
}

/** @param {string} words */
function end(words) {
  client = undefined;
  people?.leave();
  people = undefined;
  drain.end();
  show("away", "not connected");
  stream.note(`Left: ${words}.`);
  connect.textContent = "Connect";
  name.readOnly = false;
  send.disabled = true;
}

function leave() {
  const leaving = client;
  people?.leave();
  end("as you wished");
  void leaving?.close();
}

onSubmit(find("#arrive", HTMLFormElement), () => {
  localStorage.setItem("ebb.name", name.value.trim());
  if (client === undefined) begin();
  else leave();
});

onSubmit(find("#say", HTMLFormElement), () => {
  if (client === undefined) return;
  const options = to.value === "" ? {} : { room: to.value };
  const shown = stream.say(text.value, options.room);
  client.publish(text.value, options).then(shown.settle, (error) => shown.refuse(error.message));
  rate.count();
  text.value = "";
  text.focus();
});

onSubmit(find("#join", HTMLFormElement), () => {
  const joined = room.value.trim();
  if (joined === "" || joined === ROOM || rooms.has(joined)) return;
  rooms.add(joined);
  client?.join(joined);
  room.value = "";
  showRooms();
  to.value = joined;
});

function showRooms() {
  const chosen = to.value;
  to.replaceChildren(new Option("everyone", ""), ...[...rooms].map((each) => new Option(each, each)));
  to.value = rooms.has(chosen) ? chosen : "";
  find("#rooms", HTMLUListElement).replaceChildren(...[...rooms].map(chip));
}

/** @param {string} which */
function chip(which) {
  const shown = make("li", "", which);
  const button = make("button", "", "×");
  button.setAttribute("type", "button");
  button.setAttribute("aria-label", `Leave ${which}`);
  button.addEventListener("click", () => {
    rooms.delete(which);
    client?.leave(which);
    showRooms();
    room.focus();
  });
  shown.append(button);
  return shown;
}

addEventListener("pagehide", () => people?.say("gone"));

name.value = localStorage.getItem("ebb.name") || `guest ${Math.ceil(Math.random() * 99)}`;
showRooms();
addMore(places, () => (guarded ? token.value : undefined));
find("#token-field", HTMLElement).hidden = !guarded;
if (!guarded) begin();
