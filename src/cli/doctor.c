/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.c - hrun doctor: what this machine lacks, and what to do about it, a line each.
 */
#include <hrun/cli.h>
#include <hrun/cli_container.h>
#include <hrun/cli_creation.h>
#include <hrun/doctor.h>
#include <hrun/json.h>
#include <hrun/str.h>
#include <stdio.h>

static void print_text(const struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->line_count; i++) {
		const struct doctor_line *line = &doctor->lines[i];
		printf("%-4s  %-26s  %s%s%s\n", doctor_status_name(line->status), line->id, line->text,
		       line->remedy ? "; " : "", line->remedy ? line->remedy : "");
	}
	printf("%zu ok, %zu warnings, %zu failures\n", doctor->count[DOCTOR_OK], doctor->count[DOCTOR_WARN],
	       doctor->count[DOCTOR_FAIL]);
}

static void print_json(const struct doctor *doctor)
{
	struct json_out out = {.pool = doctor->pool};

	json_out_raw(&out, "{\"version\":\"" HRUN_VERSION "\",\"checks\":[");
	for (size_t i = 0; i < doctor->line_count; i++) {
		const struct doctor_line *line = &doctor->lines[i];
		json_out_printf(&out, "%s{\"id\":", i ? "," : "");
		json_out_string(&out, line->id);
		json_out_printf(&out, ",\"status\":\"%s\",\"text\":", doctor_status_name(line->status));
		json_out_string(&out, line->text);
		if (line->remedy) {
			json_out_raw(&out, ",\"remedy\":");
			json_out_string(&out, line->remedy);
		}
		json_out_raw(&out, "}");
	}
	json_out_printf(&out, "],\"ok\":%zu,\"none\":%zu,\"warn\":%zu,\"fail\":%zu", doctor->count[DOCTOR_OK],
			doctor->count[DOCTOR_NONE], doctor->count[DOCTOR_WARN], doctor->count[DOCTOR_FAIL]);
	printf("%s}\n", out.text);
}

int cmd_doctor(struct command *command, struct err *e)
{
	const struct options *options = &command->options;
	const char *format = options->format ? options->format : "text";
	struct doctor_asked asked = {
		.root = options->root,
		.policy = options->policy,
		.filter_cache = creation_cache(&command->pool, "hrun-cache"),
	};
	struct doctor doctor;

	if (!str_equal(format, "text") && !str_equal(format, "json"))
		return err_set(e, EINVAL, "option --format takes text or json, not `%s`", format);
	TRY(class_of_command(command, &asked.class_name, e));
	asked.systemd = systemd_look(&command->pool, &asked.users_systemd);
	doctor_examine(&command->pool, &asked, &doctor);
	if (str_equal(format, "json"))
		print_json(&doctor);
	else
		print_text(&doctor);
	if (doctor.count[DOCTOR_FAIL])
		return EXIT_DOCTOR_FAILURE;
	return options->strict && doctor.count[DOCTOR_WARN] ? EXIT_DOCTOR_WARNINGS : 0;
}
