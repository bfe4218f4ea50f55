# SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
# shellcheck shell=bash
#
# What the tests with real video share.

tests=0 failed=0
# shellcheck disable=SC2034 # the test exits with it
report()
{
	tests=$((tests + 1))
	if [ "$1" = 0 ]; then
		echo "ok $tests $2"
	else
		echo "not ok $tests $2"
		failed=1
	fi
}

skip()
{
	echo "1..0 # SKIP $*"
	exit 4
}

# until_true COMMAND...: for 60 seconds at most
until_true()
{
	local end=$((SECONDS + 60))

	until "$@"; do
		((SECONDS < end)) || return
		sleep 0.1
	done
}

# hashes FILE: those of the frames in a file by ffmpeg -f framemd5
hashes()
{
	grep -v '^#' "$1" | awk '{ print $NF }'
}

# switches PID: how often a process has slept
switches()
{
	awk '/^voluntary/ { print $2 }' "/proc/$1/status"
}
