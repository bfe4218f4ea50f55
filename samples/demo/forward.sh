# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # variables are those of demo
#
# samples/relay: RTP to eight receivers, each with its own SSRC and sequence numbers

forward_rounds="without with"
forward_cnt=300		# frames
forward_quick_cnt=20
forward_warm_up=5

forward_port=7112
forward_receivers=(7201 7202 7203 7204 7205 7206 7207 7208)

forward_describe()
{
	say "FORWARD.  Video in RTP, 100 frames per second in ten packets each, to eight receivers,"
	echo "each with its own SSRC and sequence numbers.  Without VNP a process relays it, with" >&3
	echo "one recvmmsg() and one sendmmsg() per frame (UDP_SEGMENT).  relay does it in softirq." >&3
}

forward_prepare()
{
	:
}

forward_start()
{
	local receiver

	case $1 in
	without)
		start "$samples/demo/server" relay $forward_port "${forward_receivers[@]}" ;;
	with)
		start "$samples/relay/relay" $forward_port "$dir/control"
		for receiver in "${forward_receivers[@]}"; do
			"$samples/relay/relay" "$dir/control" join "127.0.0.1:$receiver" \
				>/dev/null || die "receiver $receiver cannot join"
		done ;;
	esac
}

forward_load()
{
	load frames $forward_port "${forward_receivers[0]}" "$2"
	n[$1,sent]=${sent[0]}
	n[$1,delivered]=${sent[1]}
}

forward_stop()
{
	stop
	n[$1,softirq]=0
	[ "$1" = without ] || n[$1,softirq]=$(printed '([0-9]+) sent to ')
}

forward_finish()
{
	:
}

forward_rows()
{
	row sent "datagrams sent to the relay"
	row delivered "delivered in order, by all receivers"
	row softirq "sent in softirq"
	row switches "context switches of the relay"
	process_rows "the relay"
	machine_row
}

forward_check()
{
	local round

	for round in $rounds; do
		expect "$round: all datagrams are sent" "${n[$round,sent]} == $cnt * 10"
		expect "$round: all receivers get all" \
			"${n[$round,delivered]} == ${n[$round,sent]} * ${#forward_receivers[@]}"
	done
	expect "they are sent in softirq" "${n[with,softirq]} == ${n[with,delivered]}"
	expect "the relay sleeps" "${n[with,switches]} == 0"
	expect "without VNP it does not" "${n[without,wakeups]} * 2 > $cnt"
}
