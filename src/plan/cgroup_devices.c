/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cgroup_devices.c - the allowed devices as an eBPF program.
 *
 * A request names one device and some of read, write and mknod.  It is allowed
 * where for each of these bits the last rule that matches allows it; where no rule
 * matches, it is denied.  The program therefore looks at the rules from the last to
 * the first and strikes out the bits that are decided: a denied bit ends it at
 * once, the last allowed bit as well.  Every rule is emitted the same way, so that
 * nothing is unreachable, which the kernel would refuse.
 */
#include <hrun/plan_cgroup.h>
#include <hrun/str.h>

enum {
	ACCESS_ALL = DEVICE_ACCESS_ALL,
	MAJOR_MAX = (1 << 12) - 1,
	MINOR_MAX = (1 << 20) - 1,
	RULES_MAX = 1024,
};

/* What the registers hold from the third instruction on. */
enum { RESULT = BPF_REG_0, CONTEXT = BPF_REG_1, FIELD = BPF_REG_2, OPEN_BITS = BPF_REG_3 };

/* The specification's default devices, mknod of everything (a node that cannot be opened is harmless) and ptys. */
static const struct device_match defaults[] = {
	{true, -1, -1, -1, BPF_DEVCG_ACC_MKNOD},	 {true, BPF_DEVCG_DEV_CHAR, 1, 3, ACCESS_ALL}, /* null */
	{true, BPF_DEVCG_DEV_CHAR, 1, 5, ACCESS_ALL},						       /* zero */
	{true, BPF_DEVCG_DEV_CHAR, 1, 7, ACCESS_ALL},						       /* full */
	{true, BPF_DEVCG_DEV_CHAR, 1, 8, ACCESS_ALL},						       /* random */
	{true, BPF_DEVCG_DEV_CHAR, 1, 9, ACCESS_ALL},						       /* urandom */
	{true, BPF_DEVCG_DEV_CHAR, 5, 0, ACCESS_ALL},						       /* tty */
	{true, BPF_DEVCG_DEV_CHAR, 5, 2, ACCESS_ALL},	 /* ptmx; the container's console is a pty, never 5:1 */
	{true, BPF_DEVCG_DEV_CHAR, 136, -1, ACCESS_ALL}, /* pts */
};

static int read_type(const char *type, int32_t *ret_type)
{
	if (!type || str_equal(type, "a"))
		*ret_type = -1;
	else if (str_equal(type, "c"))
		*ret_type = BPF_DEVCG_DEV_CHAR;
	else if (str_equal(type, "b"))
		*ret_type = BPF_DEVCG_DEV_BLOCK;
	else
		return -EINVAL;
	return 0;
}

static int read_access(const char *access, int32_t *ret_access)
{
	*ret_access = access ? 0 : ACCESS_ALL;
	for (const char *p = access; p && *p; p++) {
		if (*p == 'r')
			*ret_access |= BPF_DEVCG_ACC_READ;
		else if (*p == 'w')
			*ret_access |= BPF_DEVCG_ACC_WRITE;
		else if (*p == 'm')
			*ret_access |= BPF_DEVCG_ACC_MKNOD;
		else
			return -EINVAL;
	}
	return *ret_access ? 0 : -EINVAL;
}

static int read_number(const struct opt_i64 *number, int64_t max, int32_t *ret_number)
{
	*ret_number = number->set ? (int32_t)number->value : -1;
	return number->set && (number->value < -1 || number->value > max) ? -EINVAL : 0;
}

static int read_rule(const struct config_device_rule *rule, size_t index, struct device_match *ret_match, struct err *e)
{
	ret_match->allow = rule->allow;
	if (read_type(rule->type, &ret_match->type) < 0)
		return err_set(e, EINVAL, "linux.resources.devices[%zu].type: must be a, b or c", index);
	if (read_number(&rule->major, MAJOR_MAX, &ret_match->major) < 0)
		return err_set(e, EINVAL, "linux.resources.devices[%zu].major: must be -1 to %d", index, MAJOR_MAX);
	if (read_number(&rule->minor, MINOR_MAX, &ret_match->minor) < 0)
		return err_set(e, EINVAL, "linux.resources.devices[%zu].minor: must be -1 to %d", index, MINOR_MAX);
	if (read_access(rule->access, &ret_match->access) < 0)
		return err_set(e, EINVAL, "linux.resources.devices[%zu].access: must be of r, w and m", index);
	return 0;
}

static bool matches_all(const struct device_match *match)
{
	return match->type < 0 && match->major < 0 && match->minor < 0 && match->access == ACCESS_ALL;
}

/* Does the list say that everything is allowed, with no later exception? */
static bool allows_everything(const struct device_match *matches, size_t count)
{
	for (size_t i = count; i-- > 0 && matches[i].allow;) {
		if (matches_all(&matches[i]))
			return true;
	}
	return false;
}

struct program {
	struct pool *pool;
	struct bpf_insn *insns;
	size_t length;
};

static void emit(struct program *p, unsigned int code, unsigned int to, unsigned int from, int offset, int32_t value)
{
	struct bpf_insn *insn = pool_array_add(p->pool, p->insns, p->length);

	insn->code = (uint8_t)code;
	insn->dst_reg = to & 0xf;
	insn->src_reg = from & 0xf;
	insn->off = (int16_t)offset;
	insn->imm = value;
}

static void emit_return(struct program *p, bool allow)
{
	emit(p, BPF_ALU64 | BPF_MOV | BPF_K, RESULT, 0, 0, allow);
	emit(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void emit_load(struct program *p, unsigned int to, size_t offset)
{
	emit(p, BPF_LDX | BPF_MEM | BPF_W, to, CONTEXT, (int)offset, 0);
}

/* Take the request apart.  One without any bit asks for nothing (access(2) with F_OK) and is answered at once. */
static void emit_start(struct program *p)
{
	emit_load(p, OPEN_BITS, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(p, BPF_ALU64 | BPF_RSH | BPF_K, OPEN_BITS, 0, 0, 16);
	emit(p, BPF_JMP | BPF_JNE | BPF_K, OPEN_BITS, 0, 2, 0);
	emit_return(p, true);
}

/* With an offset of 0 for now: emit_rule knows where the rule ends. */
static void emit_compare(struct program *p, int32_t value)
{
	emit(p, BPF_JMP | BPF_JNE | BPF_K, FIELD, 0, 0, value);
}

/*
 * Every rule loads what it compares again.  Kept in registers, the kernel's verifier would follow what each comparison
 * has told it through all later rules, and give up on a long list.
 */
static void emit_type_and_major(struct program *p, const struct device_match *match)
{
	if (match->type >= 0) {
		emit_load(p, FIELD, offsetof(struct bpf_cgroup_dev_ctx, access_type));
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, FIELD, 0, 0, 0xffff);
		emit_compare(p, match->type);
	}
	if (match->major >= 0) {
		emit_load(p, FIELD, offsetof(struct bpf_cgroup_dev_ctx, major));
		emit_compare(p, match->major);
	}
}

/* One of these minors. */
static void emit_minors(struct program *p, const struct device_match *matches, size_t count)
{
	emit_load(p, FIELD, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (size_t i = 0; i + 1 < count; i++)
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, FIELD, 0, (int)(count - 1 - i), matches[i].minor);
	emit_compare(p, matches[count - 1].minor);
}

/* All COUNT rules are the same but for their minors (one_of_group). */
static void emit_rule(struct program *p, const struct device_match *match, size_t count)
{
	size_t first = p->length;

	emit_type_and_major(p, match);
	if (match->minor >= 0)
		emit_minors(p, match, count);
	size_t compared = p->length;
	if (match->allow && match->access != ACCESS_ALL) {
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, OPEN_BITS, 0, 0, ~match->access);
		emit(p, BPF_JMP | BPF_JNE | BPF_K, OPEN_BITS, 0, 2, 0);
	} else if (!match->allow) {
		emit(p, BPF_ALU64 | BPF_MOV | BPF_X, RESULT, OPEN_BITS, 0, 0);
		emit(p, BPF_ALU64 | BPF_AND | BPF_K, RESULT, 0, 0, match->access);
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, RESULT, 0, 2, 0);
	}
	emit_return(p, match->allow);
	/* Who does not match goes on behind the rule. */
	for (size_t i = first; i < compared; i++) {
		if (p->insns[i].code == (BPF_JMP | BPF_JNE | BPF_K))
			p->insns[i].off = (int16_t)(p->length - i - 1);
	}
}

/* Do both allow everything to devices of one driver, each to one? */
static bool one_of_group(const struct device_match *a, const struct device_match *b)
{
	return a->allow && b->allow && a->access == ACCESS_ALL && b->access == ACCESS_ALL && a->type == b->type &&
	       a->major == b->major && a->minor >= 0 && b->minor >= 0;
}

/* What stands before a rule that matches everything is never asked. */
static bool emit_rules(struct program *p, const struct device_match *matches, size_t count)
{
	for (size_t i = count; i-- > 0;) {
		size_t last = i;
		if (matches_all(&matches[i]))
			return matches[i].allow;
		while (i > 0 && one_of_group(&matches[i - 1], &matches[last]))
			i--;
		emit_rule(p, &matches[i], last - i + 1);
	}
	return false;
}

int plan_device_matches(struct pool *pool, const struct config_device_rule *rules, size_t count,
			struct device_match **ret_matches, struct err *e)
{
	struct device_match *matches = pool_alloc(pool, (count + 1) * sizeof *matches);

	if (count > RULES_MAX)
		return err_set(e, E2BIG, "linux.resources.devices: more than %d rules", RULES_MAX);
	for (size_t i = 0; i < count; i++)
		TRY(read_rule(&rules[i], i, &matches[i], e));
	*ret_matches = matches;
	return 0;
}

const struct device_match *plan_device_defaults(size_t *ret_count)
{
	*ret_count = sizeof defaults / sizeof defaults[0];
	return defaults;
}

int plan_device_program(struct pool *pool, const struct config_device_rule *rules, size_t count, bool with_defaults,
			const struct bpf_insn **ret_program, size_t *ret_length, struct err *e)
{
	struct program program = {.pool = pool};
	struct device_match *matches;

	TRY(plan_device_matches(pool, rules, count, &matches, e));
	*ret_program = NULL;
	*ret_length = 0;
	if (allows_everything(matches, count))
		return 0;
	emit_start(&program);
	if (with_defaults)
		emit_rules(&program, defaults, sizeof defaults / sizeof defaults[0]);
	emit_return(&program, emit_rules(&program, matches, count));
	*ret_program = program.insns;
	*ret_length = program.length;
	return 0;
}
