#!/usr/bin/env bash
# Prints every message once and in order, whatever is deployed: survive.sh ws://a:8000/ws ws://b:8000/ws
# Needs websocat 1 and jq. A message may have 4,000 bytes at most: longer ones of two connections would mix in the pipe.
urls=("$@") turn=0 failures=0
epoch='' seq=0 # 1: the position; seq is the number of the last message
current='' trying='' timer='' number=0
inputs=() # those of all websocats: each stays connected until its input ends
pipe=$(mktemp -u) && mkfifo "$pipe" && exec {heard}<>"$pipe" && rm "$pipe"
FIELDS='[$from, .type, .epoch // "-", .seq // 0, .next // 0, .reconnect_after_s // 0, (.data | tojson)] | join("\t")'

let_go() { # in each process that is started: an input ends when nobody has it open
  local each
  for each in "${inputs[@]}"; do exec {each}>&-; done
}

connect() {
  local url=${urls[turn++ % ${#urls[@]}]} fd
  [ -z "$epoch" ] || url="$url?epoch=$epoch&seq=$seq"
  trying=$((++number))
  exec {fd}> >(
    let_go
    websocat --text --exit-on-eof --protocol ebb.v1 --ping-interval 10 --ping-timeout 20 "$url" 2>/dev/null |
      jq --unbuffered --raw-output --arg from "$trying" "$FIELDS" >&"$heard"
    printf '%s\tended\n' "$trying" >&"$heard"
  )
  inputs[number]=$fd
}

connect_in() { # seconds; what was to happen before does not
  timer=timer$((++number))
  (let_go && sleep "$1" && printf '%s\tnow\n' "$timer") >&"$heard" &
}

leave() {
  local fd=${inputs[$1]}
  exec {fd}>&-
  unset "inputs[$1]"
}

arrive() {
  [ "$1" != "$current" ] || return
  [ -z "$current" ] || leave "$current" # 4: not before the new connection has arrived
  current=$1 trying='' failures=0
}

connect
while IFS=$'\t' read -r -u "$heard" from type its_epoch its_seq next after_s data; do
  case $from in "$current" | "$trying" | "$timer") ;; *) continue ;; esac # of a connection that was left
  case $type in
    now) connect ;;
    message) if ((its_seq > seq)); then seq=$its_seq && echo "$seq $data"; fi ;; # 5: on two each comes twice
    draining) connect_in "$after_s" ;; # 2: the notice; 3: each client has a moment of its own
    welcome) if [ -z "$epoch" ]; then epoch=$its_epoch seq=$its_seq && arrive "$from"; fi ;;
    resumed) arrive "$from" ;;
    gap) # it was away for longer than the server remembers
      echo "messages are lost" >&2
      epoch=$its_epoch seq=$((next - 1)) && arrive "$from"
      ;;
    ended)
      leave "$from"
      if [ "$from" = "$current" ]; then current=''; else trying=''; fi
      if [ -z "$trying" ]; then # full jitter
        most_ms=$((failures < 6 ? 100 << ++failures : 10000)) && ms=$((RANDOM * most_ms / 32768))
        connect_in "$((ms / 1000)).$(printf %03d $((ms % 1000)))"
      fi
      ;;
  esac
done
