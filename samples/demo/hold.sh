# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034,SC2154 # variables are those of demo
#
# samples/gather: records that arrive in several datagrams

hold_rounds="without with"
hold_cnt=60		# records
hold_quick_cnt=6
hold_warm_up=3

hold_port=7108

hold_describe()
{
	say "HOLD UNTIL READY.  Several senders send records of 60 kB at once, in datagrams of"
	echo "1,400 bytes, as fast as 100 Mbit/s.  Without VNP the process puts them together." >&3
	echo "gather receives records: they are held in softirq until they are complete." >&3
}

hold_prepare()
{
	:
}

hold_start()
{
	case $1 in
	without)	start "$samples/demo/server" gather $hold_port ;;
	with)		start "$samples/gather/gather" $hold_port ;;
	esac
}

hold_load()
{
	load records $hold_port "$2"
	n[$1,datagrams]=${sent[0]}
	n[$1,receipts]=${sent[1]}
}

hold_stop()
{
	stop
	n[$1,calls]=$(printed '([0-9]+) system calls')
	case $1 in
	without)	n[$1,records]=$(printed '([0-9]+) accepted') ;;
	with)		n[$1,records]=$(printed '([0-9]+) records') ;;
	esac
}

hold_finish()
{
	:
}

hold_rows()
{
	row datagrams "datagrams sent"
	row records "whole records in them, received"
	row receipts "records that are acknowledged, and are right"
	per calls records "system calls per record, with the receipt"
	per wakeups records "wake-ups per record"
	per us records "CPU time of the process per record, us"
	process_rows "the process"
	machine_row
}

hold_check()
{
	local round

	for round in $rounds; do
		expect "$round: all records are received" "${n[$round,records]} == $cnt"
		expect "$round: all are acknowledged" "${n[$round,receipts]} == $cnt"
	done
	expect "the load is the same" "${n[with,datagrams]} == ${n[without,datagrams]}"
	expect "the process is woken once for each record" "${n[with,wakeups]} <= $cnt + 1"
	expect "without VNP it is woken more often" \
		"${n[with,wakeups]} * 2 < ${n[without,wakeups]}"
	expect "there are fewer system calls" "${n[with,calls]} * 2 < ${n[without,calls]}"
}
