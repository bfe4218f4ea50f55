# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # variables are those of demo
#
# samples/wgate: datagrams are authenticated, and all others are dropped

open_rounds="without with"
open_cnt=2000		# forged datagrams
open_quick_cnt=100
open_warm_up=20

open_port=7117
open_key=00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff

open_describe()
{
	say "OPEN OR DROP.  A server answers clients that authenticate each datagram (HMAC-SHA-256," \
		"a"
	echo "number that is accepted once); strangers send 1,000 others per second.  Without VNP" >&3
	echo "the server verifies them.  With VNP it knows nothing of this: wgate does, in softirq." >&3
}

open_prepare()
{
	:
}

# wgate's input and output are descriptors 5 and 6.
open_start_gate()
{
	rm -f "$dir/keys"
	mkfifo "$dir/keys"
	exec 6< <(exec "$samples/wgate/wgate" "$server" $open_port <"$dir/keys")
	exec 5>"$dir/keys"
	read -r -u 6 _ || die "wgate does not start"
	echo "1 $open_key" >&5
	read -r -u 6 _ || die "wgate does not take the key"
}

open_start()
{
	case $1 in
	without)
		start "$samples/demo/server" gate $open_port $open_key ;;
	with)
		start "$samples/demo/server" echo $open_port
		open_start_gate ;;
	esac
}

open_load()
{
	load strangers $open_port $open_key "$2"
	n[$1,sent]=${sent[0]}
	n[$1,answered]=${sent[1]}
	n[$1,forged]=${sent[2]}
}

open_stop()
{
	local counters

	n[$1,dropped]=0
	if [ "$1" = with ]; then
		exec 5>&-
		read -r -u 6 counters
		[[ $counters =~ ([0-9]+)" dropped" ]] || die "wgate printed: $counters"
		n[with,dropped]=${BASH_REMATCH[1]}
		exec 6<&-
	fi
	stop
	n[$1,accepted]=$(printed '([0-9]+) accepted')
	n[$1,rejected]=$(printed '([0-9]+) rejected')
	n[$1,calls]=$(printed '([0-9]+) system calls')
}

open_finish()
{
	:
}

open_rows()
{
	row sent "authentic datagrams sent"
	row answered "answered"
	row forged "others sent: forged, replayed, without a header"
	row rejected "rejected by the server itself"
	row dropped "dropped in softirq, not seen by the server"
	row calls "system calls of the server"
	process_rows "the server"
	machine_row
}

open_check()
{
	local round

	for round in $rounds; do
		expect "$round: all forged datagrams are sent" "${n[$round,forged]} == $cnt"
		expect "$round: the others are answered" \
			"${n[$round,answered]} == ${n[$round,sent]}"
		expect "$round: and no others accepted" \
			"${n[$round,accepted]} == ${n[$round,sent]}"
	done
	expect "the load is the same" "${n[with,sent]} == ${n[without,sent]}"
	expect "without VNP, the server has to reject" "${n[without,rejected]} == $cnt"
	expect "with VNP, it need not" "${n[with,rejected]} == 0"
	expect "because they are dropped before" "${n[with,dropped]} == $cnt"
	expect "it is woken for authentic datagrams" \
		"${n[with,wakeups]} <= ${n[with,sent]} + 1"
	expect "without VNP it is woken more often" \
		"${n[with,wakeups]} * 2 < ${n[without,wakeups]}"
}
