#!/bin/sh
# Makes what compose.yaml keeps secret, as files in deploy/secrets; what is there stays as it is.
# Only you may look into the folder. The files themselves must be readable: Compose mounts each as
# it is, and the programs in the containers are other users.
set -eu
cd "$(dirname "$0")"
mkdir -p -m 700 secrets
for name in influxdb_token influxdb_password grafana_password; do
    [ -s "secrets/$name" ] || {
        head -c 32 /dev/urandom | od -An -vtx1 | tr -d ' \n' > "secrets/$name"
        chmod 644 "secrets/$name"
        echo "made deploy/secrets/$name"
    }
done
