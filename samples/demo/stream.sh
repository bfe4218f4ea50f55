# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # variables are those of demo
#
# samples/http: a web server is woken for requests that are complete

stream_rounds="without with"
stream_cnt=200		# requests
stream_quick_cnt=16
stream_warm_up=8

stream_port=7080
stream_page=1000	# bytes of an answer

stream_describe()
{
	need nginx "selftests/setup/packages guest"
	say "STREAM.  A web server, nginx, gets requests on eight TCP connections, from clients whose"
	echo "segments have 32 bytes.  Without VNP each wakes it.  http starts it with a program on" >&3
	echo "its connections: it is woken when the header of a request is complete." >&3
}

stream_prepare()
{
	local temp

	mkdir "$dir/www"
	printf "%${stream_page}s" >"$dir/www/page"
	cat >"$dir/nginx.conf" <<-END
		daemon off; master_process off; pid $dir/nginx.pid; error_log $dir/nginx.log;
		events { worker_connections 64; }
		http {
		access_log off; keepalive_requests 100000;
		server { listen 127.0.0.1:$stream_port; root $dir/www; }
		$(for temp in client_body proxy fastcgi uwsgi scgi; do
			echo "${temp}_temp_path $dir/temp;"
		done)
		}
	END
}

# stream_linked: the number of links of this user, by their lines
stream_linked()
{
	vnpctl link show | wc -l
}

# It prints nothing when it is ready: it has written its pid, and is linked.
stream_start()
{
	local sample=()

	[ "$1" != with ] || sample=("$samples/http/http" "$stream_port")
	rm -f "$dir/nginx.pid"
	"${sample[@]}" nginx -e "$dir/nginx.log" -c "$dir/nginx.conf" >&2 &
	server=$!
	until [ -s "$dir/nginx.pid" ] && { [ "$1" = without ] || (($(stream_linked) > 0)); }; do
		kill -0 "$server" 2>/dev/null || die "nginx does not start: $(<"$dir/nginx.log")"
		sleep 0.1
	done
}

stream_load()
{
	load requests $stream_port "$2"
	n[$1,segments]=${sent[0]}
	n[$1,requests]=${sent[1]}
}

stream_stop()
{
	kill "$server"
	wait "$server" 2>/dev/null || :
	server=
}

stream_finish()
{
	:
}

stream_rows()
{
	row segments "segments sent"
	row requests "requests in them, answered"
	per wakeups requests "wake-ups per request"
	per us requests "CPU time of nginx per request, us"
	process_rows nginx
	machine_row
}

stream_check()
{
	local round

	for round in $rounds; do
		expect "$round: all are answered" "${n[$round,requests]} == $cnt"
	done
	expect "the load is the same" "${n[with,segments]} == ${n[without,segments]}"
	# and when a client connects
	expect "nginx is woken once for each request" "${n[with,wakeups]} <= $cnt + 16"
	expect "without VNP it is woken more often" \
		"${n[with,wakeups]} * 2 < ${n[without,wakeups]}"
}
