#!/bin/sh
# Three nodes of Satchel on Postgres and an S3 server, with nginx in front and Prometheus beside, on this machine and without containers:
# to try what more than one machine is like. The tests use it, too.
#
#   local-cluster.sh [run]        start all of it, and stop it at Ctrl-C
#   local-cluster.sh stop         stop all of it from elsewhere
#   local-cluster.sh kill NAME    end one of it as a crash does: node-1, node-2, node-3, postgres, s3, nginx or prometheus
#   local-cluster.sh up NAME      start that one again
#
#   --dir FOLDER      what it keeps: data, configuration, logs, process ids and passwords. Default ./cluster
#   --port N          nginx listens there, and the others on the nine ports that follow. Default 9000; said once, when all is started
#   --satchel FILE    a binary to run; by default one is built
#
# All of it listens on the loopback alone. Settings of Satchel in the environment (SATCHEL_QUOTA, say) hold for the nodes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(dirname "$here")
dir=cluster port=9000 satchel='' command=run name=''

fail() {
	echo "local-cluster: $*" >&2
	exit 1
}

usage() {
	sed -n '2,/^set -eu/{/^#/{s/^# \{0,1\}//;p;};}' "$0" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
	--dir | --port | --satchel)
		[ $# -gt 1 ] || usage
		case $1 in --dir) dir=$2 ;; --port) port=$2 ;; --satchel) satchel=$2 ;; esac
		shift
		;;
	run | stop) command=$1 ;;
	kill | up)
		[ $# -gt 1 ] || usage
		command=$1 name=$2
		shift
		;;
	*) usage ;;
	esac
	shift
done
case $port in *[!0-9]* | '') fail "--port $port: want a number" ;; esac
[ "$port" -ge 1024 ] && [ "$port" -le 65526 ] || fail "--port $port: want 1024 to 65526"
case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
case $name in
node-[123] | postgres | s3 | nginx | prometheus) ;;
*) [ "$command" != kill ] && [ "$command" != up ] || usage ;;
esac

# port_of NAME is where it listens; admin-N is the other listener of a node.
port_of() {
	case $1 in
	nginx) echo "$port" ;;
	node-*) echo $((port + ${1#node-})) ;;
	admin-*) echo $((port + 3 + ${1#admin-})) ;;
	postgres) echo $((port + 7)) ;;
	s3) echo $((port + 8)) ;;
	prometheus) echo $((port + 9)) ;;
	esac
}

# born PID tells when the process started, unless it has ended.
born() {
	# shellcheck disable=SC2046 # the words of the line are wanted
	set -- $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null)
	[ "${1:-Z}" = Z ] || echo "${20}"
}

# running NAME leaves its process id in $pid. The file has the time of its start, too: the number may be another's by now.
running() {
	pid='' since=''
	[ -r "$dir/run/$1" ] && read -r pid since <"$dir/run/$1" && [ -n "$since" ] && [ "$(born "$pid")" = "$since" ]
}

# launch NAME PROGRAM... starts it in a session of its own, since Ctrl-C is for this script.
launch() {
	part=$1
	shift
	setsid "$@" </dev/null >>"$dir/log/$part" 2>&1 &
	echo "$! $(born $!)" >"$dir/run/$part"
}

# signal NAME SIGNAL
signal() { running "$1" && kill "-$2" "$pid" 2>/dev/null || :; }

# gone NAME waits until it has ended, and kills what takes longer than half a minute.
gone() {
	tries=0
	while running "$1"; do
		tries=$((tries + 1))
		[ $tries -ne 600 ] || kill -KILL "$pid" 2>/dev/null || :
		sleep 0.05
	done
	rm -f "$dir/run/$1"
}

stop_everything() {
	for part in prometheus nginx node-1 node-2 node-3; do signal $part TERM; done
	for part in prometheus nginx node-1 node-2 node-3; do gone $part; done
	signal s3 TERM
	signal postgres INT # which waits for no connection to end
	gone s3
	gone postgres
}

check_needs() {
	missing=
	postgres=$(find /usr/lib/postgresql/*/bin -maxdepth 0 2>/dev/null | sort -t/ -k5 -n | tail -n 1)
	[ -x "$postgres/initdb" ] || missing="$missing postgresql"
	nginx=$(command -v nginx || echo /usr/sbin/nginx)
	[ -x "$nginx" ] || missing="$missing nginx"
	command -v prometheus >/dev/null || missing="$missing prometheus"
	command -v curl >/dev/null || missing="$missing curl"
	[ -z "$missing" ] || fail "programs are missing: apt-get install --no-install-recommends$missing"
	[ -x "$root/bin/versitygw" ] && [ -n "$satchel" ] || command -v go >/dev/null || fail "Go is missing: see https://go.dev/dl"
	account=
	if [ "$(id -u)" -eq 0 ]; then
		account=postgres
		id $account >/dev/null 2>&1 || fail "Postgres does not run as root, and there is no account postgres: apt-get install --no-install-recommends postgresql"
	fi
}

check_ports() {
	for part in nginx node-1 node-2 node-3 admin-1 admin-2 admin-3 postgres s3 prometheus; do
		at=$(port_of $part) code=0
		curl -s --noproxy '*' --max-time 1 -o /dev/null "http://127.0.0.1:$at/" || code=$?
		[ $code -eq 7 ] || fail "another program listens on 127.0.0.1:$at: choose other ports with --port" # 7: nobody does
	done
}

build() {
	mkdir -p "$root/bin"
	if command -v go >/dev/null; then
		cd "$root/e2e/versitygw" # the tests build it as well
		CGO_ENABLED=0 flock "$root/bin/versitygw.lock" go build -o ../../bin/versitygw github.com/versity/versitygw/cmd/versitygw
		cd - >/dev/null
	fi
	[ -z "$satchel" ] || return 0
	if command -v npm >/dev/null; then
		make -s -C "$root" build
	else
		(cd "$root" && CGO_ENABLED=0 go build -trimpath -o bin/satchel ./cmd/satchel)
	fi
}

secret() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }

configure() {
	mkdir -p "$dir/log" "$dir/run" "$dir/secrets" "$dir/s3/satchel" "$dir/nginx" "$dir/prometheus"
	[ -z "$account" ] || as_postgres test -x "$dir" ||
		fail "Postgres runs as the account $account, which does not get into $dir: choose a folder with --dir that others may pass through"
	chmod 700 "$dir/secrets"
	(
		umask 077
		[ -s "$dir/secrets/postgres" ] || secret >"$dir/secrets/postgres"
		[ -s "$dir/secrets/s3" ] || secret >"$dir/secrets/s3"
		echo "postgres://satchel:$(cat "$dir/secrets/postgres")@127.0.0.1:$(port_of postgres)/postgres?sslmode=disable" >"$dir/secrets/database"
	)
	cp "$here/nginx/nginx.conf" "$dir/nginx/"
	cp "$here/prometheus/prometheus.yml" "$here/prometheus/satchel.rules.yml" "$dir/prometheus/"
	echo "listen 127.0.0.1:$(port_of nginx);" >"$dir/nginx/listen.conf"
	for n in 1 2 3; do echo "server 127.0.0.1:$(port_of node-$n) max_fails=2 fail_timeout=3s;"; done >"$dir/nginx/nodes.conf"
	echo "- targets: ['127.0.0.1:$(port_of admin-1)', '127.0.0.1:$(port_of admin-2)', '127.0.0.1:$(port_of admin-3)']" >"$dir/prometheus/nodes.yml"
	[ -f "$dir/postgres/PG_VERSION" ] || make_database
}

# as_postgres PROGRAM... runs it as an account that Postgres agrees to.
as_postgres() {
	[ -z "$account" ] || set -- setpriv --reuid "$account" --regid "$(id -g "$account")" --clear-groups -- "$@"
	"$@"
}

make_database() {
	rm -rf "$dir/postgres"
	mkdir -p "$dir/postgres"
	install -m 600 ${account:+-o "$account"} "$dir/secrets/postgres" "$dir/run/password"
	[ -z "$account" ] || chown "$account" "$dir/postgres"
	(cd / && as_postgres "$postgres/initdb" --pgdata "$dir/postgres" --username satchel --pwfile "$dir/run/password" --auth scram-sha-256 \
		--encoding UTF8 --locale C --no-instructions >"$dir/log/initdb" 2>&1) || fail "initdb: $(cat "$dir/log/initdb")"
	rm -f "$dir/run/password"
}

start() {
	at=$(port_of "$1")
	case $1 in
	postgres)
		as_user=
		[ -z "$account" ] || as_user="setpriv --reuid $account --regid $(id -g $account) --clear-groups --"
		# shellcheck disable=SC2086 # the words of as_user are wanted
		launch postgres $as_user "$postgres/postgres" -D "$dir/postgres" -p "$at" -c listen_addresses=127.0.0.1 -c unix_socket_directories=
		;;
	s3)
		ROOT_ACCESS_KEY=satchel ROOT_SECRET_KEY=$(cat "$dir/secrets/s3") \
			launch s3 "$root/bin/versitygw" --port "127.0.0.1:$at" --health /health --quiet --keep-alive posix "$dir/s3"
		;;
	node-*)
		SATCHEL_DATA="$dir/$1" SATCHEL_LISTEN="127.0.0.1:$at" SATCHEL_ADMIN_LISTEN="127.0.0.1:$(port_of "admin-${1#node-}")" \
			SATCHEL_DATABASE_FILE="$dir/secrets/database" SATCHEL_TRUSTED_PROXIES=127.0.0.1 \
			SATCHEL_BLOBS="s3://satchel/files?region=us-east-1&path_style=true&endpoint=http://127.0.0.1:$(port_of s3)" \
			SATCHEL_S3_ACCESS_KEY=satchel SATCHEL_S3_SECRET_KEY_FILE="$dir/secrets/s3" \
			launch "$1" "${satchel:-$root/bin/satchel}" serve
		;;
	nginx) launch nginx "$nginx" -p "$dir/nginx/" -c "$dir/nginx/nginx.conf" -e stderr -g 'daemon off;' ;;
	prometheus)
		launch prometheus prometheus --config.file "$dir/prometheus/prometheus.yml" --storage.tsdb.path "$dir/prometheus/data" --web.listen-address "127.0.0.1:$at"
		;;
	esac
}

# works NAME asks it.
works() {
	at=$(port_of "$1")
	case $1 in
	postgres) "$postgres/pg_isready" -q -h 127.0.0.1 -p "$at" ;;
	s3) asks "$at/health" ;;
	node-*) asks "$at/readyz" ;;
	nginx) asks "$at/healthz" ;;
	prometheus) asks "$at/-/ready" ;;
	esac
}

asks() { curl -fs --noproxy '*' --max-time 3 -o /dev/null "http://127.0.0.1:$1"; }

# ready NAME waits until it works.
ready() {
	tries=0
	until works "$1"; do
		running "$1" || fail "$1 ended at its start:
$(tail -n 20 "$dir/log/$1")"
		tries=$((tries + 1))
		[ $tries -lt 600 ] || fail "$1 does not answer; its log is $dir/log/$1"
		sleep 0.05
	done
}

run() {
	for part in cluster postgres s3 node-1 node-2 node-3 nginx prometheus; do
		! running $part || fail "$part of $dir runs already: $0 stop --dir $dir"
	done
	check_needs
	check_ports
	build
	configure
	echo "$port" >"$dir/port"
	echo "$$ $(born $$)" >"$dir/run/cluster"
	trap 'trap "" INT TERM HUP; stop_everything; rm -f "$dir/run/cluster"' EXIT # a second Ctrl-C leaves nothing behind
	trap 'exit 0' INT TERM HUP
	for part in postgres s3; do start $part; done
	for part in postgres s3; do ready $part; done
	for part in node-1 node-2 node-3 prometheus; do start $part; done
	for part in node-1 node-2 node-3; do ready $part; done
	start nginx
	for part in nginx prometheus; do ready $part; done
	cat <<-EOF
		page       http://127.0.0.1:$(port_of nginx)/
		tus        http://127.0.0.1:$(port_of nginx)/files/
		WebDAV     http://127.0.0.1:$(port_of nginx)/dav/
		nodes      http://127.0.0.1:$(port_of node-1)/ http://127.0.0.1:$(port_of node-2)/ http://127.0.0.1:$(port_of node-3)/
		S3         http://127.0.0.1:$(port_of s3)/
		Prometheus http://127.0.0.1:$(port_of prometheus)/
		folder     $dir
		Ctrl-C stops all of it. To kill a node and start it again: $0 kill node-1 --dir $dir, and up instead of kill
	EOF
	while :; do # until a signal
		sleep 1 &
		wait $!
	done
}

case $command in
run) run ;;
stop)
	signal cluster TERM
	gone cluster
	stop_everything
	;;
kill)
	if [ "$name" = postgres ]; then signal postgres QUIT; else signal "$name" KILL; fi # after SIGKILL its memory would still be in use for a while
	gone "$name"
	;;
up)
	check_needs
	[ -f "$dir/port" ] || fail "there is no cluster in $dir"
	port=$(cat "$dir/port")
	running "$name" || start "$name"
	ready "$name"
	;;
esac
