/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_devices.c - the device filter as a program, run by a small interpreter of
 * the instructions that it uses; the answers are those of a second, plain reading of
 * the rules: last match wins, bit by bit.
 */
#include <hrun/plan.h>
#include <hrun/str.h>
#include <stdio.h>
#include <stdlib.h>

enum { READ = BPF_DEVCG_ACC_READ, WRITE = BPF_DEVCG_ACC_WRITE, MKNOD = BPF_DEVCG_ACC_MKNOD };
enum { BLOCK = BPF_DEVCG_DEV_BLOCK, CHAR = BPF_DEVCG_DEV_CHAR };

static int failures;

struct request {
	uint32_t type, major, minor, access;
};

static uint64_t alu(uint8_t code, uint64_t a, uint64_t b)
{
	switch (BPF_OP(code)) {
	case BPF_MOV:
		return b;
	case BPF_AND:
		return a & b;
	case BPF_RSH:
		return a >> b;
	default:
		printf("unexpected operation %02x\n", code);
		exit(1);
	}
}

static bool jump(uint8_t code, uint64_t a, uint64_t b)
{
	switch (BPF_OP(code)) {
	case BPF_JNE:
		return a != b;
	case BPF_JEQ:
		return a == b;
	default:
		printf("unexpected jump %02x\n", code);
		exit(1);
	}
}

static uint32_t load(const struct request *request, int offset)
{
	switch (offset) {
	case 0:
		return request->access << 16 | request->type;
	case 4:
		return request->major;
	case 8:
		return request->minor;
	default:
		printf("load at %d\n", offset);
		exit(1);
	}
}

static bool run(const struct bpf_insn *program, size_t length, const struct request *request)
{
	uint64_t r[11] = {0};

	for (size_t pc = 0; pc < length; pc++) {
		const struct bpf_insn *i = &program[pc];
		uint64_t operand = BPF_SRC(i->code) == BPF_X ? r[i->src_reg] : (uint64_t)(int64_t)i->imm;
		if (i->code == (BPF_JMP | BPF_EXIT))
			return r[0] == 1;
		if (i->code == (BPF_LDX | BPF_MEM | BPF_W) && i->src_reg == 1)
			r[i->dst_reg] = load(request, i->off);
		else if (BPF_CLASS(i->code) == BPF_ALU64)
			r[i->dst_reg] = alu(i->code, r[i->dst_reg], operand);
		else if (BPF_CLASS(i->code) == BPF_JMP)
			pc += jump(i->code, r[i->dst_reg], operand) ? (size_t)i->off : 0;
		else
			break;
	}
	printf("the program runs out of its end or has an unexpected instruction\n");
	exit(1);
}

/* ---- the second reading ---- */

static bool number_matches(const struct opt_i64 *rule, uint32_t number)
{
	return !rule->set || rule->value == -1 || rule->value == (int64_t)number;
}

static bool rule_matches(const struct config_device_rule *rule, const struct request *request, char letter)
{
	char type = request->type == CHAR ? 'c' : 'b';

	return (!rule->type || *rule->type == 'a' || *rule->type == type) &&
	       number_matches(&rule->major, request->major) && number_matches(&rule->minor, request->minor) &&
	       (!rule->access || strchr(rule->access, letter));
}

static bool is_default(const struct request *q, char letter)
{
	static const uint32_t nodes[][2] = {{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 2}};

	for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
		if (q->type == CHAR && q->major == nodes[i][0] && q->minor == nodes[i][1])
			return true;
	return letter == 'm' || (q->type == CHAR && q->major == 136);
}

static bool expected(const struct config_device_rule *rules, size_t count, bool with_defaults, const struct request *q)
{
	static const struct {
		uint32_t bit;
		char letter;
	} bits[] = {{READ, 'r'}, {WRITE, 'w'}, {MKNOD, 'm'}};

	for (size_t b = 0; b < 3; b++) {
		bool allowed = false;
		for (size_t i = 0; i < count; i++)
			if (rule_matches(&rules[i], q, bits[b].letter))
				allowed = rules[i].allow;
		if (with_defaults && is_default(q, bits[b].letter))
			allowed = true;
		if ((q->access & bits[b].bit) && !allowed)
			return false;
	}
	return true;
}

static void compare(const char *name, const struct config_device_rule *rules, size_t count, bool with_defaults)
{
	static const uint32_t majors[] = {0, 1, 2, 5, 7, 10, 136, 4095}, minors[] = {0, 1, 2, 3, 5, 9, 11, 1048575};
	struct pool pool = {0};
	const struct bpf_insn *program;
	size_t length;
	struct err e;

	if (plan_device_program(&pool, rules, count, with_defaults, &program, &length, &e) < 0) {
		printf("%s: %s\n", name, e.text);
		failures++;
		return;
	}
	for (uint32_t n = 0; n < 2 * 8 * 8 * 8; n++) {
		struct request q = {1 + n % 2, majors[n / 2 % 8], minors[n / 16 % 8], n / 128};
		bool want = expected(rules, count, with_defaults, &q);
		bool got = !program || run(program, length, &q);
		if (want == got)
			continue;
		printf("%s: type %u %u:%u access %u is %s\n", name, q.type, q.major, q.minor, q.access,
		       got ? "allowed" : "denied");
		failures++;
		break;
	}
	pool_free(&pool);
}

#define RULE(allow_, type_, major_, minor_, access_)                                                               \
	{                                                                                                          \
		.allow = (allow_), .type = (type_), .major = {(major_) >= 0, (major_)}, .minor = {true, (minor_)}, \
		.access = (access_)                                                                                \
	}

static void test_tables(void)
{
	static const struct config_device_rule engine[] = {RULE(false, NULL, -1, -1, "rwm"),
							   RULE(true, "c", 10, 2, "rw")},
					       nothing[] = {RULE(false, "a", -1, -1, NULL)},
					       overlap[] = {RULE(true, "c", 1, 11, "rw"), RULE(false, "c", 1, 11, "w"),
							    RULE(true, "c", -1, 11, "m"), RULE(false, "c", 1, -1, "m")},
					       all_but[] = {RULE(true, "a", -1, -1, "rwm"),
							    RULE(false, "b", -1, -1, "rw"),
							    RULE(false, "a", 7, -1, NULL)},
					       late_all[] = {RULE(true, "c", 1, 1, NULL),
							     RULE(false, NULL, -1, -1, NULL),
							     RULE(true, "b", 7, 0, "r")},
					       split[] = {RULE(true, NULL, -1, -1, "r"), RULE(true, "c", -1, -1, "w"),
							  RULE(true, NULL, -1, 5, "m"), RULE(false, "c", 5, -1, "r")};

	for (int defaults = 0; defaults < 2; defaults++) {
		compare("no rules", NULL, 0, defaults);
		compare("engine", engine, 2, defaults);
		compare("nothing", nothing, 1, defaults);
		compare("overlap", overlap, 4, defaults);
		compare("all but", all_but, 3, defaults);
		compare("late all", late_all, 3, defaults);
		compare("split", split, 4, defaults);
	}
}

/* Lists by a fixed generator: the same in every run. */
static void test_many(void)
{
	static const int64_t majors[] = {-1, 1, 5, 7, 136}, minors[] = {-1, 0, 1, 2, 3, 5};
	static const char *const types[] = {NULL, "a", "b", "c"}, *const accesses[] = {NULL, "r",  "w",	  "m",	"rw",
										       "rm", "wm", "rwm", "mwr"};
	struct config_device_rule list[12];
	uint32_t state = 1;

	for (int n = 0; n < 400; n++) {
		size_t count = 1 + (size_t)n % 12;
		for (size_t i = 0; i < count; i++) {
			state = state * 1664525u + 1013904223u;
			uint32_t x = state >> 8;
			list[i] = (struct config_device_rule)RULE(x & 1, types[x / 2 % 4], majors[x / 8 % 5],
								  minors[x / 40 % 6], accesses[x / 240 % 9]);
		}
		char name[32];
		str_format(name, sizeof name, "list %d", n);
		compare(name, list, count, n % 2);
	}
}

static void test_allow_all(void)
{
	static const struct config_device_rule all[] = {RULE(false, NULL, -1, -1, "rwm"),
							RULE(true, NULL, -1, -1, "rwm")},
					       not_all[] = {RULE(true, NULL, -1, -1, "rwm"),
							    RULE(false, "c", 1, 1, "m")};
	struct pool pool = {0};
	const struct bpf_insn *program = (const void *)"";
	size_t length = 1;
	struct err e;

	plan_device_program(&pool, all, 2, true, &program, &length, &e);
	if (program || length) {
		printf("a list that allows everything gave a program\n");
		failures++;
	}
	plan_device_program(&pool, not_all, 2, true, &program, &length, &e);
	if (!program) {
		printf("an exception was lost\n");
		failures++;
	}
	pool_free(&pool);
}

static void test_refused(void)
{
	static const struct {
		struct config_device_rule rule;
		const char *text;
	} bad[] = {
		{RULE(true, "x", 1, 1, "r"), "linux.resources.devices[0].type"},
		{RULE(true, "", 1, 1, "r"), "linux.resources.devices[0].type"},
		{RULE(true, "cc", 1, 1, "r"), "linux.resources.devices[0].type"},
		{RULE(true, "u", 1, 1, "r"), "linux.resources.devices[0].type"},
		{RULE(true, "c", 1, 1, "rx"), "linux.resources.devices[0].access"},
		{RULE(true, "c", 1, 1, ""), "linux.resources.devices[0].access"},
		{RULE(true, "c", 4096, 1, "r"), "linux.resources.devices[0].major"},
		{RULE(true, "c", 4294967297, 1, "r"), "linux.resources.devices[0].major"},
		{RULE(true, "c", 1, -2, "r"), "linux.resources.devices[0].minor"},
		{RULE(true, "c", 1, 1048576, "r"), "linux.resources.devices[0].minor"},
	};
	struct pool pool = {0};
	const struct bpf_insn *program;
	size_t length;
	struct err e;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		int r = plan_device_program(&pool, &bad[i].rule, 1, true, &program, &length, &e);
		if (r != -EINVAL || !str_starts(e.text, bad[i].text)) {
			printf("bad rule %zu: %d %s\n", i, r, r < 0 ? e.text : "");
			failures++;
		}
	}
	struct config_device_rule *many = pool_alloc(&pool, 1025 * sizeof *many);
	if (plan_device_program(&pool, many, 1025, true, &program, &length, &e) != -E2BIG) {
		printf("a list without a bound\n");
		failures++;
	}
	pool_free(&pool);
}

int main(void)
{
	test_tables();
	test_many();
	test_allow_all();
	test_refused();
	return failures != 0;
}
