/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli.c - the frame of every command: options, log, verb, one line when it fails.
 *
 * What a caller left open above stderr is closed to every program that hrun starts,
 * and 0, 1 and 2 are always something, so that no file of ours gets their numbers.
 */
#include <fcntl.h>
#include <hrun/cli.h>
#include <hrun/entry.h>
#include <hrun/fd.h>
#include <hrun/log.h>
#include <hrun/proc.h>
#include <hrun/sandbox.h>
#include <hrun/str.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

static int fill_stdio(struct err *e)
{
	struct pollfd standard[] = {{.fd = STDIN_FILENO}, {.fd = STDOUT_FILENO}, {.fd = STDERR_FILENO}};
	bool is_missing = poll(standard, 3, 0) < 0;
	int fd;

	for (size_t i = 0; i < 3; i++)
		is_missing |= standard[i].revents & POLLNVAL;
	if (!is_missing)
		return 0;
	do {
		fd = open("/dev/null", O_RDWR);
		if (fd < 0)
			return err_errno(e, "open /dev/null");
	} while (fd <= STDERR_FILENO);
	close(fd);
	return 0;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < verb_count; i++) {
		if (str_equal(verbs[i].name, name))
			return &verbs[i];
	}
	return NULL;
}

/*
 * Before anything else, so that the first of two rounds costs little.  The verb is not known yet: any word of the
 * command line may be it, and one too many does no harm.
 */
static void protect_self(struct command *command)
{
	for (char **word = command->argv; *word; word++) {
		if (entry_word_enters(*word)) {
			sandbox_protect_self(command->argv, &command->unprotected);
			return;
		}
	}
}

int protected_check(const struct command *command, struct err *e)
{
	*e = command->unprotected;
	return -e->errnum;
}

static int parse_globals(struct command *command, int argc, int *index, struct err *e)
{
	struct options *options = &command->options;
	int none;

	/* crun's spelling of --version */
	if (*index < argc && str_equal(command->argv[*index], "-V"))
		options->version = true, ++*index;
	TRY(options_parse(&command->pool, global_options, global_option_count, true, argc, command->argv, index,
			  options, NULL, &none, e));
	const char *format = options->log_format ? options->log_format : "text";
	bool json = str_equal(format, "json");
	if (!json && !str_equal(format, "text"))
		return err_set(e, EINVAL, "option --log-format takes text or json, not `%s`", format);
	if (options->log_level && str_equal(options->log_level, "debug"))
		options->debug = true;
	return log_open(options->log, json, options->debug, e);
}

static int count_check(const struct command *command, struct err *e)
{
	const struct verb *verb = command->verb;

	if (command->arg_count < verb->min_args)
		return err_set(e, EINVAL, "%s needs %s; see hrun %s --help", verb->name, verb->arguments, verb->name);
	if (verb->max_args >= 0 && command->arg_count > verb->max_args)
		return err_set(e, EINVAL, "%s takes no argument `%s`; see hrun %s --help", verb->name,
			       command->args[verb->max_args], verb->name);
	return 0;
}

static int driver_check(const struct command *command, struct err *e)
{
	const struct options *options = &command->options;
	const char *manager = options->cgroup_manager ? options->cgroup_manager : "cgroupfs";

	if (command->verb->saved_state_only)
		return 0;
	if (!str_equal(manager, "cgroupfs") && !str_equal(manager, "systemd") && !str_equal(manager, "disabled"))
		return err_set(e, EINVAL, "option --cgroup-manager takes cgroupfs, systemd or disabled, not `%s`",
			       manager);
	if (options->systemd_cgroup && options->cgroup_manager && !str_equal(manager, "systemd"))
		return err_set(e, EINVAL, "--systemd-cgroup and --cgroup-manager %s exclude each other", manager);
	return 0;
}

enum { REALTIME_FIRST = 32, SIGNAL_LAST = 64, KERNEL_SET_SIZE = 8 };

/*
 * Here for the hooks, too; the standard ones are reset just before the program (program.c): who ignores them means hrun, too.  Past the
 * C library, which keeps 32 and 33 for itself and refuses them: posix_spawn(3) of glibc leaves them ignored in what it starts, make for one.
 */
static void reset_realtime_signals(uint64_t ignored)
{
	static const unsigned long standard[4]; /* the kernel's struct sigaction: SIG_DFL is 0 */

	for (int number = REALTIME_FIRST; number <= SIGNAL_LAST; number++) {
		if (ignored >> (number - 1) & 1)
			syscall(SYS_rt_sigaction, number, standard, NULL, KERNEL_SET_SIZE);
	}
}

static int run_verb(struct command *command, int argc, int index, struct err *e)
{
	const struct verb *verb = command->verb;

	command->failure = verb->failure;
	pool_set_failure_status(verb->failure);
	if (verb->row_count == 0)
		return verb->run(command, e);
	command->args = pool_alloc(&command->pool, ((size_t)argc + 1) * sizeof *command->args);
	TRY(options_parse(&command->pool, verb->rows, verb->row_count, verb->stop_at_first, argc, command->argv, &index,
			  &command->options, command->args, &command->arg_count, e));
	if (command->options.help) {
		help_verb(verb);
		return 0;
	}
	TRY(count_check(command, e));
	TRY(driver_check(command, e));
	if (verb->enters) {
		command->ignored_signals = proc_ignored_signals();
		reset_realtime_signals(command->ignored_signals);
	}
	int r = verb->run(command, e);
	audit_write(command, r, e);
	return r;
}

/*
 * AT_SECURE: setuid, setgid or file capabilities, whose options would lend root's rights to whoever starts it.  SELinux sets it as well
 * where its policy gives hrun another domain than its caller's (podman's, by conmon); root stays root there, and nothing is lent.
 */
static int refuse_lent_rights(struct err *e)
{
#ifdef HRUN_MUTANT_LENDING
	return 0;
#endif
	if (!getauxval(AT_SECURE))
		return 0;

	bool same_ids = getuid() == geteuid() && getgid() == getegid();

	if (same_ids && getuid() == 0)
		return 0;
	if (!same_ids || getxattr("/proc/self/exe", "security.capability", NULL, 0) > 0)
		return err_set(e, EPERM, "hrun must not be setuid, setgid or have file capabilities; remove them");
	return err_set(e, EPERM,
		       "the machine's security module (SELinux, AppArmor) starts hrun in another domain than its "
		       "caller's, which only root may do; let ordinary users' hrun stay in theirs");
}

static int run_command(struct command *command, int argc, struct err *e)
{
	int index = 1;

	TRY(refuse_lent_rights(e));
	protect_self(command);
	TRY(fill_stdio(e));
	TRY(fd_cloexec_from(STDERR_FILENO + 1, e));
	TRY(parse_globals(command, argc, &index, e));
	if (command->options.version)
		return version_print();
	if (command->options.help || index >= argc) {
		help_program();
		return command->options.help ? 0 : EXIT_ERROR;
	}
	command->verb = find_verb(command->argv[index]);
	if (!command->verb)
		return err_set(e, EINVAL, "unknown command `%s`; see hrun --help", command->argv[index]);
	return run_verb(command, argc, index + 1, e);
}

int cli_main(int argc, char **argv)
{
	/* With all that its pool holds it lives as long as the process. */
	static struct command command;
	struct err e = {0};

	command = (struct command){.argv = argv, .failure = EXIT_ERROR};

	/* An ignored SIGCHLD would reap our children before we can ask how they ended. */
	signal(SIGCHLD, SIG_DFL);
	int status = run_command(&command, argc, &e);
	bool told = status < 0;
	if (told) {
		log_error("%s", command.line ? command.line : e.text);
		status = command.failure;
	}
	/* A full disk or a closed pipe behind stdout must not look like success. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && !told) {
		log_error("standard output cannot be written to its end; is a disk full, or its reader gone?");
		status = status == 0 ? command.failure : status;
	}
	return status;
}
