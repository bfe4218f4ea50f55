// SPDX-License-Identifier: GPL-2.0
/*
 * usage: native SECONDS SEED	execute programs in this kernel, for this time
 *	  native show SEED	print the program made from a seed, and save it
 *
 * Random programs, executed by the kernel as native code on a few payloads: trusted and
 * hardened, some with constants blinded by the kernel (net.core.bpf_jit_harden).  Return
 * value, fault, resulting payload and map contents must be the same as in the reference
 * interpreter; both must accept the same programs.  There is a process for each of n CPUs,
 * which uses every n-th seed, beginning with SEED.
 *
 * build/fuzz-native/PROCESS.seed has the seed of the current program, in case the kernel
 * crashes.  Programs with different results are saved there as SEED.raw and SEED.txt.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../unit/random_program.h"
#include "kernel_vm.h"
#include "vm/isa/disasm.h"

#define DIRECTORY	"build/fuzz-native"
#define WORKERS_MAX	64
#define PAYLOADS	3
#define PAYLOAD_MAX	200
#define BUDGET		3000
#define PROGRESS_S	5

#define SYSCTL_BLIND	"/proc/sys/net/core/bpf_jit_harden"

/**
 * struct worker - state and counters of a process, shared with the parent
 * @seed:	seed of the current program
 * @programs:	programs generated
 * @accepted:	programs that the interpreter's verifier accepted
 * @executions:	of native code
 * @faults:	executions that ended with a fault
 * @found:	programs with different results, or that crashed the process
 * @pid:	the process
 */
struct worker {
	__u64 seed;
	__u64 programs;
	__u64 accepted;
	__u64 executions;
	__u64 faults;
	__u64 found;
	pid_t pid;
};

/**
 * struct job - a program, its inputs, and the results of the interpreter
 * @insns:	the program
 * @cnt:	of @insns
 * @len:	bytes of each payload
 * @direct:	of these, or 0
 * @before:	the payloads before execution
 * @after:	the payloads after execution, by the interpreter
 * @result:	of each execution
 * @values:	contents of the maps after the last execution
 */
struct job {
	struct bpf_insn insns[RANDOM_INSNS_MAX];
	__u32 cnt;
	__u32 len[PAYLOADS];
	__u32 direct[PAYLOADS];
	__u8 before[PAYLOADS][PAYLOAD_MAX];
	__u8 after[PAYLOADS][PAYLOAD_MAX];
	struct vm_result result[PAYLOADS];
	struct vm_values values;
};

static struct worker *workers;
static int worker_cnt;
static long end;

/* The guest's wall clock may be set while this runs */
static long seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/*
 * ---- Generating programs ------------------------------------------------
 */

/* Half of the programs come from each generator; some are mutated */
static void job_make(struct job *job, __u64 seed)
{
	__u64 random = seed * 2 + 1;
	__u32 mutations, i;

	for (i = 0; i < 4; i++)
		random_next(&random);
	job->cnt = seed / 2 % 2 ? random_wide_program(seed, job->insns) :
				  random_program(seed, job->insns);
	mutations = (random_next(&random) >> 7) % 5;
	while (mutations-- > 2)
		random_mutate(job->insns, job->cnt, &random);
	for (i = 0; i < PAYLOADS; i++) {
		job->len[i] = (random_next(&random) >> 9) % PAYLOAD_MAX;
		job->direct[i] = (random_next(&random) >> 9) % 4 ? 0 : job->len[i] / 2;
		random_payload(job->before[i], PAYLOAD_MAX, &random);
	}
}

/* Execute it in the interpreter.  Return: false if the program is refused */
static bool job_interpret(struct job *job)
{
	struct vm *vm = vm_open(job->insns, job->cnt);

	if (!vm)
		return false;
	memcpy(job->after, job->before, sizeof(job->after));
	for (int i = 0; i < PAYLOADS; i++) {
		vm_direct = job->direct[i];
		job->result[i] = vm_interpret(vm, job->after[i], job->len[i]);
		if (job->result[i].fault)
			job->result[i].retval = 0;
	}
	vm_read_maps(vm, &job->values);
	vm_close(vm);
	return true;
}

/*
 * ---- Reports ------------------------------------------------------------
 */

static void job_print(const struct job *job, FILE *to)
{
	char text[VNP_DISASM_LEN];
	__u32 i, len;

	for (i = 0; i < job->cnt; i += len) {
		len = vnp_disasm(&job->insns[i], text);
		fprintf(to, "%4u: %s\n", i, text);
	}
	for (i = 0; i < PAYLOADS; i++) {
		fprintf(to, "payload %u, %u bytes, %u direct:", i, job->len[i],
			job->direct[i] ?: job->len[i]);
		for (__u32 n = 0; n < job->len[i]; n++)
			fprintf(to, "%s%02x", n % 8 ? "" : " ", job->before[i][n]);
		fputc('\n', to);
	}
}

static FILE *result_open(__u64 seed, const char *kind)
{
	char path[64];

	snprintf(path, sizeof(path), DIRECTORY "/%llu.%s", seed, kind);
	return fopen(path, "w");
}

static void job_save(const struct job *job, __u64 seed, const char *what)
{
	FILE *raw = result_open(seed, "raw"), *text = result_open(seed, "txt");

	if (!raw || !text)
		exit(2);
	fwrite(job->insns, sizeof(job->insns[0]), job->cnt, raw);
	fprintf(text, "%s\n", what);
	job_print(job, text);
	fclose(raw);
	fclose(text);
}

static void report(const struct job *job, __u64 seed, const char *what)
{
	printf("program %llu: %s\n", seed, what);
	job_print(job, stdout);
	printf("saved in " DIRECTORY "/%llu.raw and .txt; to repeat it: make fuzz-native SECONDS=1 VNP_FUZZ_SEED=%llu\n",
	       seed, seed);
	fflush(stdout);
	job_save(job, seed, what);
}

/*
 * ---- Execution and comparison -------------------------------------------
 */

/* Compare an execution; @what describes the difference, if any */
static bool job_run(const struct job *job, const struct kernel_vm *kernel, int i, char *what,
		    size_t size)
{
	const struct vm_result *expected = &job->result[i];
	__u8 payload[PAYLOAD_MAX];
	struct vm_result seen;
	long at;
	int err;

	memcpy(payload, job->before[i], sizeof(payload));
	vm_direct = job->direct[i];
	err = kernel_vm_run(kernel, payload, job->len[i], &seen);
	at = mem_differ(job->after[i], payload, job->len[i]);
	if (err)
		snprintf(what, size, "payload %d: execution fails with error %d", i, err);
	else if (seen.fault != expected->fault ||
		 (seen.fault && seen.insn != expected->insn) ||
		 seen.retval != expected->retval || seen.len != expected->len)
		snprintf(what, size,
			 "payload %d: the interpreter returns 0x%llx, fault %u at %u, leaves %u bytes; native code 0x%llx, fault %u at %u, %u bytes",
			 i, expected->retval, expected->fault, expected->insn,
			 expected->len, seen.retval, seen.fault, seen.insn, seen.len);
	else if (at >= 0)
		snprintf(what, size, "payload %d differs at byte %ld", i, at);
	return !what[0];
}

static void job_try(const struct job *job, bool accepted, int dev, __u32 flags,
		    struct worker *worker)
{
	char what[256] = "", text[320];
	struct vm_values values;
	struct kernel_vm kernel;
	int err = kernel_vm_open(&kernel, dev, job->insns, job->cnt, flags);

	if (err) {
		/* hardened code may be too long, or need too much stack */
		if (accepted ? flags && err == -E2BIG : err == -EACCES || err == -E2BIG)
			return;
		snprintf(what, sizeof(what), "the interpreter %s it, the kernel returns error %d",
			 accepted ? "accepts" : "refuses", err);
	} else if (!accepted) {
		snprintf(what, sizeof(what), "only the kernel accepts it");
		kernel_vm_close(&kernel);
	} else {
		for (int i = 0; i < PAYLOADS && !what[0]; i++) {
			worker->executions++;
			worker->faults += job->result[i].fault != 0;
			job_run(job, &kernel, i, what, sizeof(what));
		}
		kernel_vm_values(&kernel, &values);
		if (!what[0] && mem_differ(&job->values, &values, sizeof(values)) >= 0)
			snprintf(what, sizeof(what), "the maps differ");
		kernel_vm_close(&kernel);
	}
	if (!what[0])
		return;
	snprintf(text, sizeof(text), "%s: %s", flags ? "hardened" : "trusted", what);
	worker->found++;
	report(job, worker->seed, text);
}

/*
 * Test the program of a seed.  Another process may change the blinding of constants
 * meanwhile, which must not change the results.
 */
static void work_on(struct worker *worker, int dev)
{
	static struct job job;
	bool accepted;

	job_make(&job, worker->seed);
	if (is_nondeterministic(job.insns, job.cnt) ||
	    write_text(SYSCTL_BLIND, worker->seed / 4 % 4 ? "0" : "2") < 0)
		return;
	vm_name = worker->seed;
	worker->programs++;
	accepted = job_interpret(&job);
	worker->accepted += accepted;
	job_try(&job, accepted, dev, 0, worker);
	if (accepted)
		job_try(&job, accepted, dev, VNP_PROG_F_HARDEN, worker);
}

static void work(struct worker *worker, __u64 seed, int cpu)
{
	char path[64], text[24];
	int dev = device_open(), fd;

	snprintf(path, sizeof(path), DIRECTORY "/%d.seed", cpu);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (dev < 0 || fd < 0 || pin(cpu) < 0) {
		perror("native: " VNP_DEVICE ", " DIRECTORY);
		exit(2);
	}
	for (; seconds_now() < end; seed += worker_cnt) {
		worker->seed = seed;
		snprintf(text, sizeof(text), "%20llu\n", seed);
		if (pwrite(fd, text, strlen(text), 0) < 0) {
			perror(path);
			exit(2);
		}
		work_on(worker, dev);
	}
	exit(0);
}

static void start(int cpu, __u64 seed)
{
	pid_t pid = fork();

	if (!pid)
		work(&workers[cpu], seed, cpu);
	workers[cpu].pid = pid;
}

/* A process has exited, or was aborted as the interpreter detected a bug of the verifier */
static bool reap(int cpu, int status)
{
	struct worker *worker = &workers[cpu];
	static struct job job;

	worker->pid = 0;
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status) == 0;
	printf("process %d: signal %d\n", cpu, WTERMSIG(status));
	worker->found++;
	job_make(&job, worker->seed);
	report(&job, worker->seed, "the interpreter failed, see above");
	start(cpu, worker->seed + worker_cnt);
	return true;
}

static struct worker total(void)
{
	struct worker sum = {};

	for (int i = 0; i < worker_cnt; i++) {
		sum.programs += workers[i].programs;
		sum.accepted += workers[i].accepted;
		sum.executions += workers[i].executions;
		sum.faults += workers[i].faults;
		sum.found += workers[i].found;
	}
	return sum;
}

static void print_total(long begin)
{
	struct worker sum = total();
	long seconds = seconds_now() - begin;

	printf("%ld s: %llu programs (%llu an hour), %llu accepted; %llu executions, %llu of which fault; %llu disagreements\n",
	       seconds, sum.programs, sum.programs * 3600 / (seconds ?: 1), sum.accepted,
	       sum.executions, sum.faults, sum.found);
	fflush(stdout);
}

static bool running(void)
{
	for (int i = 0; i < worker_cnt; i++)
		if (workers[i].pid > 0)
			return true;
	return false;
}

static int fuzz(int seconds, __u64 seed)
{
	long begin = seconds_now(), next = begin + PROGRESS_S;
	sigset_t child;
	bool good = true;
	int status, i;
	pid_t pid;

	worker_cnt = sysconf(_SC_NPROCESSORS_ONLN);
	if (worker_cnt > WORKERS_MAX)
		worker_cnt = WORKERS_MAX;
	workers = mmap(NULL, sizeof(*workers) * WORKERS_MAX, PROT_READ | PROT_WRITE,
		       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (workers == MAP_FAILED)
		return 2;
	end = begin + seconds;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	for (i = 0; i < worker_cnt; i++)
		start(i, seed + i);

	while (running()) {
		sigtimedwait(&child, NULL, &(struct timespec){ .tv_sec = 1 });
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			for (i = 0; i < worker_cnt; i++)
				if (workers[i].pid == pid)
					good &= reap(i, status);
		if (seconds_now() < next)
			continue;
		print_total(begin);
		next += PROGRESS_S;
	}
	print_total(begin);
	return !good ? 2 : total().found != 0;
}

static int show(__u64 seed)
{
	static struct job job;

	job_make(&job, seed);
	job_print(&job, stdout);
	job_save(&job, seed, "as shown");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: native {SECONDS|show} SEED\n");
		return 2;
	}
	/* failures in vm_util.c end the process */
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	vm_budget = BUDGET;
	mkdir("build", 0777);
	mkdir(DIRECTORY, 0777);
	if (!strcmp(argv[1], "show"))
		return show(strtoull(argv[2], NULL, 0));
	return fuzz(atoi(argv[1]), strtoull(argv[2], NULL, 0));
}
