// Written from the server's models by `python -m server.schema typescript`: do not edit.

/**
 * Every JSON message on the wire of Ebb's reference server. docs/wire.md says what each means.
 */
export type Message =
  | EbbServerMessage
  | EbbClientMessage
  | JsonClientMessage
  | JsonAnswer
  | HeavyAnswer
  | SessionServerMessage
  | SessionClientMessage;
export type EbbServerMessage = Welcome | Envelope | Ack | Draining | Resumed | Gap | Refusal | Expiring | Renewed;
export type EbbClientMessage = Publish | Join | Leave | Renew;
export type JsonClientMessage = Chat;
export type JsonAnswer = Echo | NotDone;
export type HeavyAnswer = Proof | NotDone;
export type SessionServerMessage = Restored | Acknowledged | Responded | Refused | Draining;
export type JsonValue = unknown;
export type SessionClientMessage = Interruption | ReadingProgress | JoinClass;

/**
 * First on every `ebb.v1` connection. `seq` is the last message published; `ping_s` how often the server pings.
 */
export interface Welcome {
  type: "welcome";
  connection: string;
  epoch: string;
  seq: number;
  ping_s: number | null;
}
/**
 * A message as a client of `ebb.v1` reads it. `room` null: for everyone, or for this client alone.
 *
 * `from` is null when the server itself speaks.
 */
export interface Envelope {
  type: "message";
  seq: number;
  room: string | null;
  from: string | null;
  data: unknown;
  at: string;
}
/**
 * A `publish` has its place in the sequence.
 */
export interface Ack {
  type: "ack";
  id: string;
  seq: number;
}
/**
 * The drain notice, the same JSON text in both forms. Seconds count from now.
 */
export interface Draining {
  type: "draining";
  deadline_s: number;
  deadline_at: string;
  reconnect_after_s: number;
}
/**
 * The resume is served: `replayed` messages follow, up to number `seq`, and then what is new.
 */
export interface Resumed {
  type: "resumed";
  epoch: string;
  seq: number;
  replayed: number;
}
/**
 * What came after `after` and before `next` is lost. Numbers go on in `epoch`.
 */
export interface Gap {
  type: "gap";
  after: number;
  next: number;
  epoch: string;
}
/**
 * A client's message that was not carried out, and why. The connection stays.
 *
 * `id`: that of the message; missing where it has none, or none that can be read. `retry_after_s`: after how many
 * seconds a client that is `rate_limited` may send a burst again.
 */
export interface Refusal {
  type: "error";
  code: "malformed" | "broker_unavailable" | "forbidden" | "unauthorized" | "too_many_rooms" | "rate_limited";
  detail: string;
  id?: string;
  retry_after_s?: number;
}
/**
 * The client's token is about to expire: it is closed with 4401 in so many seconds, unless it renews it.
 */
export interface Expiring {
  type: "expiring";
  expires_in_s: number;
}
/**
 * A `renew` was accepted; seconds until the new token expires, null for never.
 */
export interface Renewed {
  type: "renewed";
  expires_in_s: number | null;
}
/**
 * Send `data` to everyone else, or to everyone else in `room`. Answered by `ack` with the same `id`.
 */
export interface Publish {
  type: "publish";
  id: string;
  room?: string | null;
  data: unknown;
}
/**
 * Enter a room.
 */
export interface Join {
  type: "join";
  room: string;
}
/**
 * Leave a room.
 */
export interface Leave {
  type: "leave";
  room: string;
}
/**
 * Show a new token, of the same subject, before the former one expires. Answered by `renewed`, or `error`.
 */
export interface Renew {
  type: "renew";
  token: string;
}
/**
 * What `/ws/json` understands.
 */
export interface Chat {
  action: "chat";
  msg: string;
}
/**
 * What `/ws/json` answers.
 */
export interface Echo {
  status: "ok";
  echo: string;
}
/**
 * What `/ws/json` and `/ws/heavy` answer where there is no result, and why; `retry_after_s` to who is too fast.
 */
export interface NotDone {
  status: "error";
  detail: string;
  retry_after_s?: number;
}
/**
 * What `/ws/heavy` answers: the least `nonce` for which SHA-256 of `{text}:{nonce}` begins with four zeros.
 */
export interface Proof {
  status: "ok";
  nonce: number;
  sha256: string;
}
/**
 * First on a connection, if something is kept of its session.
 */
export interface Restored {
  type: "SESSION_RESTORED";
  payload: State;
}
/**
 * What is kept of a session. Fields that a newer version wrote are kept as they are.
 */
export interface State {
  progress: {
    [k: string]: JsonValue;
  };
  class_id: string | null;
  answers: Answer[];
  [k: string]: unknown;
}
/**
 * An answer, and when a process first read it.
 */
export interface Answer {
  response: string;
  at: string;
}
/**
 * A question was taken, and will be asked.
 */
export interface Acknowledged {
  type: "INTERRUPTION_ACKNOWLEDGED";
  timestamp: string;
}
/**
 * A question was answered.
 */
export interface Responded {
  type: "INTERRUPTION_RESPONSE";
  payload: SessionResponse;
}
/**
 * The text of an answer.
 */
export interface SessionResponse {
  response: string;
}
/**
 * A message that was not carried out, and why. The connection stays. `retry_after_s`: with `rate_limited`.
 */
export interface Refused {
  type: "ERROR";
  code: "malformed" | "too_many_questions" | "broker_unavailable" | "forbidden" | "rate_limited";
  detail: string;
  retry_after_s?: number;
}
/**
 * A question: acknowledged at once, answered by INTERRUPTION_RESPONSE when there is an answer.
 */
export interface Interruption {
  type: "STUDENT_INTERRUPTION";
  payload: QuestionText;
}
/**
 * The text of a question.
 */
export interface QuestionText {
  questionText: string;
}
/**
 * How far a student has come: fields of the stored progress to set, or to remove (null).
 */
export interface ReadingProgress {
  type: "READING_PROGRESS";
  payload: {
    [k: string]: JsonValue;
  };
}
/**
 * Enter the room of a class, and leave that of the former one.
 */
export interface JoinClass {
  type: "JOIN_CLASS";
  class_id: string;
}
