#!/bin/sh
# The namespaces and Secrets that the dev overlay reads, with random words. What is there stays.
set -eu
system=aware-system
runs=${RUNS_NAMESPACE:-aware-runs}

word() { head -c 24 /dev/urandom | base64 | tr '+/' '-_'; }

# Lines of NAME=VALUE come on standard input: a command line can be read by others.
secret() {
	if kubectl -n "$1" get secret "$2" >/dev/null 2>&1; then
		echo "secret/$2 is there"
	else
		kubectl -n "$1" create secret generic "$2" --from-env-file=/dev/stdin
	fi
}

password_of() {
	kubectl -n "$system" get secret aware-minio-users -o "jsonpath={.data.aware-$1}" | base64 -d
}

store_access() {
	echo AWS_ENDPOINT_URL=http://minio.$system.svc:9000
	echo "AWS_ACCESS_KEY_ID=aware-$1"
	echo "AWS_SECRET_ACCESS_KEY=$(password_of "$1")"
}

for namespace in "$system" "$runs"; do
	kubectl get namespace "$namespace" >/dev/null 2>&1 || kubectl create namespace "$namespace"
done
printf 'MINIO_ROOT_USER=aware-root\nMINIO_ROOT_PASSWORD=%s\n' "$(word)" | secret "$system" minio-root
for role in reader writer trigger collector artifacts journal trainer; do
	echo "aware-$role=$(word)"
done | secret "$system" aware-minio-users
store_access reader | secret "$system" aware-store-reader
store_access trigger | secret "$system" aware-store-trigger
printf 'AWARE_TRIGGER_TOKEN=%s\n' "$(word)" | secret "$system" aware-trigger
store_access writer | secret "$runs" aware-store-writer
store_access journal | secret "$runs" aware-journal-writer
store_access trainer | secret "$runs" aware-trainer-exchange
printf 'accesskey=aware-artifacts\nsecretkey=%s\n' "$(password_of artifacts)" |
	secret "$runs" aware-artifacts
