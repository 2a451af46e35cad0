/* SPDX-License-Identifier: Apache-2.0 */
/*
 * help.c - version and help, for people.
 */
#include <hrun/cli.h>
#include <hrun/str.h>
#include <seccomp.h>
#include <stdio.h>

int version_print(void)
{
	const struct scmp_version *seccomp = seccomp_version();

	printf("hrun version %s\nspec: 1.3.0\nlibseccomp: %u.%u.%u\n", HRUN_VERSION, seccomp->major, seccomp->minor,
	       seccomp->micro);
	return 0;
}

void help_program(void)
{
	printf("usage: hrun [OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n\n"
	       "Runs OCI containers behind walls that are up by default.\n\ncommands:\n");
	for (size_t i = 0; i < verb_count; i++)
		printf("  %-10s %s\n", verbs[i].name, verbs[i].summary);
	printf("\noptions before the command:\n");
	options_help(global_options, global_option_count);
	printf("\nhrun COMMAND --help tells the options of a command.\n");
}

void help_verb(const struct verb *verb)
{
	printf("usage: hrun %s [OPTION...]%s%s\n\n%s\n\noptions:\n", verb->name, *verb->arguments ? " " : "",
	       verb->arguments, verb->summary);
	options_help(verb->rows, verb->row_count);
}

int cmd_version(struct command *command, struct err *e)
{
	(void)command;
	(void)e;
	return version_print();
}

int cmd_help(struct command *command, struct err *e)
{
	if (command->arg_count == 0) {
		help_program();
		return 0;
	}
	for (size_t i = 0; i < verb_count; i++) {
		if (str_equal(verbs[i].name, command->args[0])) {
			help_verb(&verbs[i]);
			return 0;
		}
	}
	return err_set(e, EINVAL, "unknown command `%s`; see hrun --help", command->args[0]);
}
