/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compile.c - linux.seccomp -> BPF, by libseccomp.
 *
 * A word that we do not know is refused: a rule that is silently left out is a hole.
 */
#include <fcntl.h>
#include <hrun/fd.h>
#include <hrun/filter_arch.h>
#include <hrun/filter_compile.h>
#include <hrun/filter_shorten.h>
#include <hrun/str.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	LAST_ERRNO = 4094, /* libseccomp takes none above; the kernel's last is one more */
	MOST_RULES = 8192, /* libseccomp's time grows with the square; engines' profiles have some 500 */
};

static const struct action_word {
	const char *name;
	uint32_t value;
	bool takes_errno;
} action_words[] = {
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP, false},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG, false},
	{"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY, false},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true},
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false},
};

static const struct {
	const char *name;
	enum scmp_compare value;
} op_words[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static void context_free(scmp_filter_ctx *context)
{
	if (*context)
		seccomp_release(*context);
}
#define autocontext __attribute__((cleanup(context_free)))

static const struct action_word *find_action(const char *word)
{
	for (size_t i = 0; i < sizeof action_words / sizeof *action_words; i++) {
		if (str_equal(action_words[i].name, word))
			return &action_words[i];
	}
	return NULL;
}

static const char *action_text(struct pool *pool, const struct action_word *word, uint32_t errnum)
{
	const char *name = strerrorname_np((int)errnum), *short_name = word->name + strlen("SCMP_ACT_");

	if (!word->takes_errno)
		return short_name;
	return name ? pool_printf(pool, "%s(%s)", short_name, name) : pool_printf(pool, "%s(%u)", short_name, errnum);
}

int filter_action(struct pool *pool, const char *word, struct opt_u32 errno_ret, const char *where,
		  uint32_t *ret_action, const char **ret_text, struct err *e)
{
	const struct action_word *known = word ? find_action(word) : NULL;

	if (!known)
		return err_set(e, EINVAL, "%s: unknown seccomp action %s", where, word ? word : "(none)");
	/* The kernel cuts as well; that it is said at all is for the verdict to judge (seccomp-errno-zero). */
	uint32_t errnum = !errno_ret.set ? EPERM : errno_ret.value > LAST_ERRNO ? LAST_ERRNO : errno_ret.value;
	*ret_action = known->value | (known->takes_errno ? errnum : 0);
	if (ret_text)
		*ret_text = action_text(pool, known, errnum);
	return 0;
}

/* The other ABI that this kernel may run.  Not x32: nothing needs it, its calls stay refused. */
static bool is_companion(uint32_t token)
{
	return token && token == filter_companion_arch();
}

/*
 * The native one is in every filter.  Those of other machines are left out: their calls cannot come, and would kill.
 * Unknown words are too, and are for the verdict to judge (seccomp-arch).
 */
static int add_architectures(scmp_filter_ctx context, const struct string_list *list, struct err *e)
{
	for (size_t i = 0; i < list->count; i++) {
		uint32_t token = filter_arch(list->item[i]);
		int r = is_companion(token) ? seccomp_arch_add(context, token) : 0;
		if (r < 0 && r != -EEXIST)
			return err_set(e, -r, "linux.seccomp.architectures[%zu]: libseccomp cannot add %s", i,
				       list->item[i]);
	}
	return 0;
}

static int read_arg(const struct config_seccomp_arg *arg, const char *where, struct scmp_arg_cmp *ret_arg,
		    struct err *e)
{
	if (arg->index > 5)
		return err_set(e, EINVAL, "%s.args: index %u is above 5, the last argument", where, arg->index);
	for (size_t i = 0; i < sizeof op_words / sizeof *op_words; i++) {
		if (arg->op && str_equal(op_words[i].name, arg->op)) {
			*ret_arg = (struct scmp_arg_cmp){arg->index, op_words[i].value, arg->value, arg->value_two};
			return 0;
		}
	}
	return err_set(e, EINVAL, "%s.args: unknown operator %s", where, arg->op ? arg->op : "(none)");
}

/* Conditions of one entry: read, and sorted into one rule or several. */
struct conditions {
	struct scmp_arg_cmp *args;
	size_t count;
	bool repeats; /* an argument comes twice */
};

static int read_conditions(struct pool *pool, const struct config_seccomp_syscall *syscall, const char *where,
			   struct conditions *ret, struct err *e)
{
	unsigned int seen = 0;

	ret->count = syscall->arg_count;
	ret->args = pool_alloc(pool, (syscall->arg_count + 1) * sizeof *ret->args);
	for (size_t i = 0; i < syscall->arg_count; i++) {
		TRY(read_arg(&syscall->args[i], where, &ret->args[i], e));
		ret->repeats = ret->repeats || (seen & 1U << ret->args[i].arg);
		seen |= 1U << ret->args[i].arg;
	}
	return 0;
}

/* Two conditions on one argument are alternatives in every engine's profile: a rule each. */
static int add_rule(scmp_filter_ctx context, uint32_t action, int number, const struct conditions *conditions)
{
	size_t rules = conditions->repeats ? conditions->count : 1;

	for (size_t i = 0; i < rules; i++) {
		size_t count = conditions->repeats ? 1 : conditions->count;
		int r = seccomp_rule_add_array(context, action, number, (unsigned int)count, conditions->args + i);
		if (r < 0 && r != -EEXIST)
			return r;
	}
	return 0;
}

bool filter_knows_call(const char *name)
{
	return seccomp_syscall_resolve_name(name) != __NR_SCMP_ERROR;
}

static int add_syscall(struct pool *pool, scmp_filter_ctx context, const struct config_seccomp_syscall *syscall,
		       const char *where, uint32_t default_action, size_t *rules, struct err *e)
{
	struct conditions conditions = {0};
	uint32_t action;

	if (syscall->names.count == 0)
		return err_set(e, EINVAL, "%s.names: empty", where);
	TRY(filter_action(pool, syscall->action, syscall->errno_ret, where, &action, NULL, e));
	TRY(read_conditions(pool, syscall, where, &conditions, e));
	if (action == default_action)
		return 0; /* libseccomp refuses rules that say what is said already */
	for (size_t i = 0; i < syscall->names.count; i++) {
		int number = seccomp_syscall_resolve_name(syscall->names.item[i]);
		if (number == __NR_SCMP_ERROR)
			continue; /* told by the verdict (seccomp-unknown-syscall) */
		*rules += conditions.repeats ? conditions.count : 1;
		if (*rules > MOST_RULES)
			return err_set(e, E2BIG, "linux.seccomp: more than %d rules: name each system call once",
				       MOST_RULES);
		int r = add_rule(context, action, number, &conditions);
		if (r < 0)
			return err_set(e, -r, "%s: libseccomp cannot add a rule for %s", where, syscall->names.item[i]);
	}
	return 0;
}

/* seccomp_export_bpf_mem came with 2.6 only. */
static int export_program(struct pool *pool, scmp_filter_ctx context, const struct sock_filter **ret_program,
			  size_t *ret_length, struct err *e)
{
	struct stat st;

	autofd int fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return err_errno(e, "memfd_create for a seccomp filter");
	int r = seccomp_export_bpf(context, fd);
	if (r < 0)
		return err_set(e, -r, "linux.seccomp: libseccomp cannot compile this profile");
	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(e, "read a seccomp filter back");
	size_t size = (size_t)st.st_size, length = size / sizeof **ret_program;
	if (length == 0 || length > BPF_MAXINSNS || size % sizeof **ret_program)
		return err_set(e, E2BIG, "linux.seccomp: %zu instructions, the kernel takes %d: use a shorter profile",
			       length, BPF_MAXINSNS);
	struct sock_filter *program = pool_alloc(pool, size);
	if (fd_read_all(fd, program, size) != (ssize_t)size)
		return err_set(e, EIO, "read a seccomp filter back");
	*ret_program = program;
	*ret_length = length;
	return 0;
}

static int set_attributes(scmp_filter_ctx context, struct err *e)
{
	int r = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	if (r == 0)
		r = seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	return r < 0 ? err_set(e, -r, "set the attributes of a libseccomp filter") : 0;
}

/* Only a default that says "not permitted": one that kills, or says ENOSYS itself, means it. */
static void add_newer(struct pool *pool, const struct config_seccomp *seccomp, uint32_t default_action,
		      const struct sock_filter **program, size_t *length)
{
	uint32_t archs[2] = {seccomp_arch_native(), 0};
	size_t count = 1;

	if ((default_action & ~(uint32_t)0xffff) != SCMP_ACT_ERRNO(0) || default_action == SCMP_ACT_ERRNO(ENOSYS))
		return;
	for (size_t i = 0; i < seccomp->architectures.count && count == 1; i++) {
		uint32_t token = filter_arch(seccomp->architectures.item[i]);
		if (is_companion(token))
			archs[count++] = token;
	}
	filter_add_newer(pool, seccomp, archs, count, program, length);
}

int filter_compile(struct pool *pool, const struct config_seccomp *seccomp, const struct sock_filter **ret_program,
		   size_t *ret_length, struct err *e)
{
	uint32_t default_action;
	size_t rules = 0;

	TRY(filter_action(pool, seccomp->default_action, seccomp->default_errno_ret, "linux.seccomp.defaultAction",
			  &default_action, NULL, e));
	autocontext scmp_filter_ctx context = seccomp_init(default_action);
	if (!context)
		return err_set(e, EINVAL, "linux.seccomp.defaultAction: libseccomp cannot do %s here",
			       seccomp->default_action);
	TRY(set_attributes(context, e));
	TRY(add_architectures(context, &seccomp->architectures, e));
	for (size_t i = 0; i < seccomp->syscall_count; i++) {
		char where[64];
		str_format(where, sizeof where, "linux.seccomp.syscalls[%zu]", i);
		TRY(add_syscall(pool, context, &seccomp->syscalls[i], where, default_action, &rules, e));
	}
	TRY(export_program(pool, context, ret_program, ret_length, e));
	add_newer(pool, seccomp, default_action, ret_program, ret_length);
	filter_shorten(pool, ret_program, ret_length);
	return 0;
}
