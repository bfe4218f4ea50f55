// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
#include "vm/replay.h"

/* Index of the word of the ring that has a number */
static u32 replay_word(u32 window, u64 number)
{
	u32 word;

	div_u64_rem(number / 64, window / 64 + 1, &word);
	return word;
}

int vnp_replay_look(const struct vnp_replay *replay, u32 window, u64 number)
{
	if (number == U64_MAX)
		return -ERANGE;
	if (number >= replay->next)
		return 0;
	if (replay->next - number > window)
		return -ESTALE;
	return replay->seen[replay_word(window, number)] >> number % 64 & 1 ? -EALREADY : 0;
}

/* Move the window so that it ends with a number beyond it: words it enters are cleared. */
static void replay_move(struct vnp_replay *replay, u32 window, u64 number)
{
	const u64 cnt = window / 64 + 1;
	u64 word = replay->next ? (replay->next - 1) / 64 + 1 : 0;
	const u64 last = number / 64;
	u32 at;

	if (word + cnt <= last)
		word = last - cnt + 1;
	at = replay_word(window, word * 64);
	for (; word <= last; word++) {
		replay->seen[at] = 0;
		if (++at == cnt)
			at = 0;
	}
	replay->next = number + 1;
}

int vnp_replay_mark(struct vnp_replay *replay, u32 window, u64 number)
{
	int ret = vnp_replay_look(replay, window, number);

	if (ret)
		return ret;
	if (number >= replay->next)
		replay_move(replay, window, number);
	replay->seen[replay_word(window, number)] |= 1ULL << number % 64;
	return 0;
}
