/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor.c - every chapter in turn, and the lines that they add.
 */
#include <hrun/doctor_look.h>
#include <hrun/report.h>
#include <stdarg.h>
#include <stdio.h>

enum { TEXT_MAX = 2048 };

void doctor_say(struct doctor *doctor, const char *id, enum doctor_status status, const char *remedy,
		const char *format, ...)
{
	struct doctor_line *line = pool_array_add(doctor->pool, doctor->lines, doctor->line_count);
	char text[TEXT_MAX];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	*line = (struct doctor_line){
		.id = without_controls(doctor->pool, id),
		.status = status,
		.text = without_controls(doctor->pool, text),
		.remedy = status >= DOCTOR_WARN && remedy ? without_controls(doctor->pool, remedy) : NULL,
	};
	doctor->count[status]++;
}

void doctor_examine(struct pool *pool, const struct doctor_asked *asked, struct doctor *ret_doctor)
{
	*ret_doctor = (struct doctor){.pool = pool, .asked = asked};
	doctor_kernel(ret_doctor);
	doctor_cgroup(ret_doctor);
	doctor_lsm(ret_doctor);
	doctor_user(ret_doctor);
	doctor_own(ret_doctor);
	doctor_engines(ret_doctor);
}

const char *doctor_status_name(enum doctor_status status)
{
	static const char *const names[] = {"ok", "none", "warn", "fail"};

	return names[status];
}
