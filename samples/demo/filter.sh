# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2004,SC2034,SC2154 # variables are those of demo
#
# samples/dnsguard: a DNS server from Debian gets the queries that it can answer, and no
# others.  dnsperf sends them.

filter_rounds="without with detached"
filter_cnt=50		# of which there are 4 that are wanted, 32 unwanted, and 4 malformed
filter_quick_cnt=5
filter_warm_up=0	# see filter_prepare

filter_port=5353
filter_questions=(www.example:A www.example:AAAA example:MX)

filter_describe()
{
	need dnsmasq "selftests/setup/packages demo"
	need dnsperf "selftests/setup/packages demo"
	say "FILTER.  A running DNS server, dnsmasq, gets queries for names it serves, and others:"
	echo "random names, other domains, and malformed ones.  dnsguard takes its socket, and" >&3
	echo "drops the others in softirq." >&3
}

# dnsmasq goes to the background when it is ready.  It only knows the names on its command
# line and asks no other server.
filter_start_server()
{
	dnsmasq --conf-file=/dev/null --pid-file="$dir/pid" --user= \
		--log-facility="$dir/log" --port=$filter_port --bind-interfaces \
		--listen-address=127.0.0.1 --no-hosts --no-resolv \
		--local=/example/ --mx-host=example,mail.example,10 \
		--host-record=www.example,192.0.2.1,2001:db8::1 ||
		die "dnsmasq does not start: is UDP port $filter_port in use?"
	server=$(<"$dir/pid")
}

# In the format of dnsperf: text, except the malformed ones.
filter_make_queries()
{
	local i

	for ((i = 0; i < $1; i++)); do
		echo "www.example A"
		echo "www.example AAAA"
		echo "WWW.Example A"
		echo "example MX"
	done >"$dir/wanted"

	# Random names, as in common floods; types with long answers; names of other
	# domains.
	for ((i = 0; i < $1 * 8; i++)); do
		echo "$i-$RANDOM.example A"
		echo "www.example ANY"
		echo "example TXT"
		echo "www.example.org AAAA"
	done >"$dir/unwanted"

	for ((i = 0; i < $1; i += 10)); do
		"$samples/dnsguard/dnsguard-test" -m
	done >"$dir/malformed"
}

# filter_send KIND RATE TIMEOUT LIMIT [OPTION...]: all queries of this kind, RATE per second,
# with a timeout of TIMEOUT seconds, and at most LIMIT outstanding queries.
filter_send()
{
	local kind=$1 rate=$2 timeout=$3 limit=$4
	shift 4

	dnsperf -s 127.0.0.1 -p $filter_port -d "$dir/$kind" -n 1 -Q "$rate" \
		-t "$timeout" -q "$limit" -O suppress=timeouts "$@" \
		>"$dir/$kind.out" 2>&1 || die "dnsperf: $(<"$dir/$kind.out")"
}

# Send queries of all kinds at the same time.  If answers are expected, the timeout is long
# enough for slow machines, and few queries are outstanding, so that the server sleeps when
# a query arrives.  Some malformed ones are never answered, so each round takes that long.
filter_send_all()
{
	local timeout=5 limit=2 unanswered pid pids=()

	case $1 in
	with)	timeout=1 limit=2000 ;;
	esac
	unanswered=${quick:+1}
	filter_send wanted 50 10 2 &
	pids+=($!)
	filter_send unwanted 400 $timeout $limit &
	pids+=($!)
	filter_send malformed 50 "${unanswered:-$timeout}" 200 -B &
	pids+=($!)
	for pid in "${pids[@]}"; do
		wait "$pid" || exit 1
	done
}

filter_prepare()
{
	filter_start_server
	[ ! "$quick" ] || rounds="without with"
	filter_make_queries "$cnt"
	filter_send unwanted 4000 10 60
}

filter_start()
{
	[ "$1" = with ] || return 0
	show "$samples/dnsguard/dnsguard" "$server" $filter_port "${filter_questions[@]}"
	[[ $shown =~ link\ ([0-9]+)\ guards ]] || die "dnsguard printed: $shown"
	filter_link=${BASH_REMATCH[1]}
}

# filter_statistic KIND NAME: a statistic of dnsperf
filter_statistic()
{
	[[ $(<"$dir/$1.out") =~ "Queries $2:"\ *([0-9]+) ]] || die "dnsperf: $(<"$dir/$1.out")"
	echo "${BASH_REMATCH[1]}"
}

filter_load()
{
	local round=$1 kind

	dots filter_send_all "$round"
	n[$round,sent]=0
	for kind in wanted unwanted malformed; do
		n[$kind]=$(filter_statistic $kind sent)
		n[$round,$kind]=$(filter_statistic $kind completed)
		n[$round,sent]=$((n[$round,sent] + n[$kind]))
	done
}

# filter_counter NAME: a counter of the link
filter_counter()
{
	[[ $(vnpctl -j link show "$filter_link") =~ "\"$1\":"\ *([0-9]+) ]] || die "no counter $1"
	echo "${BASH_REMATCH[1]}"
}

filter_stop()
{
	n[$1,dropped]=0
	[ "$1" = with ] || return 0
	show vnpctl link show "$filter_link"
	n[with,dropped]=$(filter_counter drop)
	n[with,passed]=$(filter_counter pass)
	show vnpctl link detach "$filter_link"
}

filter_finish()
{
	kill "$server"
	server=
}

filter_rows()
{
	row sent "queries sent to the server"
	row wanted "answered, of ${n[wanted]} wanted"
	row unwanted "answered, of ${n[unwanted]} unwanted"
	row malformed "answered, of ${n[malformed]} malformed"
	row dropped "dropped in softirq, not seen by the server"
	process_rows "the server"
	# No machine_row: dnsperf polls while it waits for answers.
}

filter_check_detached()
{
	local kind

	for kind in wanted unwanted malformed; do
		expect "detached, $kind queries are answered as before" \
			"${n[detached,$kind]} == ${n[without,$kind]}"
	done
	expect "the server is woken less than after detaching" \
		"${n[with,wakeups]} * 2 < ${n[detached,wakeups]}"
}

filter_check()
{
	expect "the server answers wanted queries" "${n[without,wanted]} == ${n[wanted]}"
	expect "the server answers unwanted queries" "${n[without,unwanted]} == ${n[unwanted]}"
	expect "with VNP, it answers wanted queries" "${n[with,wanted]} == ${n[wanted]}"
	expect "with VNP, it answers no others" "${n[with,unwanted]} + ${n[with,malformed]} == 0"
	expect "wanted queries are passed" "${n[with,passed]} == ${n[wanted]}"
	expect "all others are dropped" \
		"${n[with,dropped]} == ${n[unwanted]} + ${n[malformed]}"
	expect "the server is woken less than without VNP" \
		"${n[with,wakeups]} * 2 < ${n[without,wakeups]}"
	[[ $rounds != *detached* ]] || filter_check_detached
}
