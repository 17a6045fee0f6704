#!/bin/sh
# Debian's nginx with nchan: one channel, two workers, and a buffer from which a subscriber goes on. nchan.sh PORT FOLDER
folder=$2
cat > "$folder/nginx.conf" <<CONF
load_module /usr/lib/nginx/modules/ngx_nchan_module.so;
user root;
daemon off;
worker_processes 2;
pid $folder/nginx.pid;
error_log stderr warn;
events { worker_connections 2048; }
http {
  access_log off;
  server {
    listen 127.0.0.1:$1;
    location = /ready { return 200; }
    location = /ws {
      nchan_pubsub websocket;
      nchan_channel_id ebb;
      nchan_subscriber_first_message newest;
      nchan_message_buffer_length 1000;
    }
  }
}
CONF
exec nginx -c "$folder/nginx.conf"
