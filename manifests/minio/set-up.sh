#!/bin/sh
# Brings a MinIO to what the roles need. Every step can be repeated.
set -eu
settings=/etc/aware
users=/var/run/secrets/users

mc alias set store "$MINIO_URL" "$MINIO_ROOT_USER" "$MINIO_ROOT_PASSWORD" >/dev/null
for bucket in aware aware-artifacts; do
	mc mb --ignore-existing "store/$bucket"
	mc ilm import "store/$bucket" <"$settings/lifecycle-$bucket.json"
done
# A channel that was deleted by mistake can be restored; artifacts of runs can be made again.
mc version enable store/aware

for name in reader writer trigger collector artifacts journal trainer; do
	mc admin policy create store "aware-$name" "$settings/aware-$name.json"
	mc admin user add store "aware-$name" "$(cat "$users/aware-$name")"
	# It fails where the user has the policy already.
	mc admin policy attach store "aware-$name" --user "aware-$name" ||
		mc admin policy entities store --user "aware-$name" | grep -q "aware-$name"
done
