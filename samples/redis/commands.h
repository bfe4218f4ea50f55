/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What commands do.  Those that the server calls blocking are added when it has started; others
 * that are not listed are CACHE_STATE, second words that are not listed are CACHE_OFF.
 */
#ifndef _REDIS_COMMANDS_H
#define _REDIS_COMMANDS_H

#include "cache.h"

static const struct {
	__u32 class;
	char word[CACHE_WORD_MAX + 1];
	char first[3];
} commands[] = {
	{ CACHE_GET, "get", "" },

	{ CACHE_READ, "ping", "" }, { CACHE_READ, "echo", "" }, { CACHE_READ, "time", "" },
	{ CACHE_READ, "info", "" }, { CACHE_READ, "command", "" }, { CACHE_READ, "publish", "" },
	{ CACHE_READ, "exists", "" }, { CACHE_READ, "type", "" }, { CACHE_READ, "touch", "" },
	{ CACHE_READ, "ttl", "" }, { CACHE_READ, "pttl", "" }, { CACHE_READ, "keys", "" },
	{ CACHE_READ, "scan", "" }, { CACHE_READ, "dbsize", "" }, { CACHE_ONE, "hello", "" },
	{ CACHE_READ, "mget", "" }, { CACHE_READ, "strlen", "" }, { CACHE_READ, "getrange", "" },
	{ CACHE_READ, "getbit", "" }, { CACHE_READ, "bitcount", "" },

	/* Of other types: fail if there is a string. */
	{ CACHE_READ, "hget", "" }, { CACHE_READ, "hmget", "" }, { CACHE_READ, "hgetall", "" },
	{ CACHE_READ, "hset", "" }, { CACHE_READ, "hdel", "" }, { CACHE_READ, "hincrby", "" },
	{ CACHE_READ, "lpush", "" }, { CACHE_READ, "rpush", "" }, { CACHE_READ, "lpop", "" },
	{ CACHE_READ, "rpop", "" }, { CACHE_READ, "llen", "" }, { CACHE_READ, "lrange", "" },
	{ CACHE_READ, "sadd", "" }, { CACHE_READ, "srem", "" }, { CACHE_READ, "smembers", "" },
	{ CACHE_READ, "sismember", "" }, { CACHE_READ, "spop", "" }, { CACHE_READ, "zadd", "" },
	{ CACHE_READ, "zrem", "" }, { CACHE_READ, "zrange", "" }, { CACHE_READ, "zscore", "" },
	{ CACHE_READ, "zincrby", "" }, { CACHE_READ, "xadd", "" },

	{ CACHE_KEY, "set", "" }, { CACHE_KEY, "setex", "" }, { CACHE_KEY, "psetex", "" },
	{ CACHE_KEY, "setnx", "" }, { CACHE_KEY, "getset", "" }, { CACHE_KEY, "getdel", "" },
	{ CACHE_KEY, "getex", "" }, { CACHE_KEY, "append", "" }, { CACHE_KEY, "setrange", "" },
	{ CACHE_KEY, "setbit", "" }, { CACHE_KEY, "incr", "" }, { CACHE_KEY, "incrby", "" },
	{ CACHE_KEY, "incrbyfloat", "" }, { CACHE_KEY, "decr", "" }, { CACHE_KEY, "decrby", "" },
	{ CACHE_KEY, "expire", "" }, { CACHE_KEY, "pexpire", "" }, { CACHE_KEY, "expireat", "" },
	{ CACHE_KEY, "pexpireat", "" }, { CACHE_KEY, "persist", "" }, { CACHE_KEYS, "del", "" },
	{ CACHE_KEYS, "unlink", "" },

	{ CACHE_ALL, "mset", "" }, { CACHE_ALL, "msetnx", "" }, { CACHE_ALL, "rename", "" },
	{ CACHE_ALL, "renamenx", "" }, { CACHE_ALL, "copy", "" }, { CACHE_ALL, "flushdb", "" },
	{ CACHE_ALL, "flushall", "" },

	{ CACHE_PUSH, "subscribe", "" }, { CACHE_PUSH, "psubscribe", "" },
	{ CACHE_PUSH, "ssubscribe", "" }, { CACHE_PUSH, "monitor", "" }, { CACHE_PUSH, "sync", "" },
	{ CACHE_PUSH, "psync", "" }, { CACHE_PUSH, "replconf", "" },

	{ CACHE_WAITS, "blpop", "" }, { CACHE_WAITS, "brpop", "" },
	{ CACHE_WAITS, "brpoplpush", "" }, { CACHE_WAITS, "blmove", "" },
	{ CACHE_WAITS, "blmpop", "" }, { CACHE_WAITS, "bzpopmin", "" },
	{ CACHE_WAITS, "bzpopmax", "" }, { CACHE_WAITS, "bzmpop", "" },
	{ CACHE_WAITS, "xread", "" }, { CACHE_WAITS, "xreadgroup", "" },
	{ CACHE_WAITS, "wait", "" }, { CACHE_WAITS, "waitaof", "" },

	{ CACHE_SUB, "client", "" }, { CACHE_READ, "setname", "cl" },
	{ CACHE_READ, "getname", "cl" }, { CACHE_READ, "setinfo", "cl" },
	{ CACHE_READ, "id", "cl" }, { CACHE_READ, "info", "cl" }, { CACHE_READ, "list", "cl" },
	{ CACHE_STATE, "kill", "cl" }, { CACHE_STATE, "no-evict", "cl" },
	{ CACHE_PUSH, "reply", "cl" }, { CACHE_PUSH, "tracking", "cl" },
	{ CACHE_SUB, "config", "" }, { CACHE_READ, "get", "co" }, { CACHE_SUB, "module", "" },
	{ CACHE_READ, "list", "mo" }, { CACHE_SUB, "acl", "" }, { CACHE_READ, "cat", "ac" },
	{ CACHE_READ, "whoami", "ac" },

	{ CACHE_OFF, "replicaof", "" }, { CACHE_OFF, "slaveof", "" }, { CACHE_OFF, "failover", "" },
	{ CACHE_OFF, "shutdown", "" }, { CACHE_OFF, "cluster", "" }, { CACHE_OFF, "debug", "" },
	{ CACHE_OFF, "pfdebug", "" },
};

#endif /* _REDIS_COMMANDS_H */
