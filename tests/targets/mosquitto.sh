#!/bin/sh
# Debian's Mosquitto, an MQTT broker, over WebSocket; it starts only with another listener beside that. mosquitto.sh PORT FOLDER
folder=$2
cat > "$folder/mosquitto.conf" <<CONF
listener 0 $folder/socket
listener $1 127.0.0.1
protocol websockets
socket_domain ipv4
http_dir $folder
allow_anonymous true
user root
CONF
exec mosquitto -c "$folder/mosquitto.conf"
