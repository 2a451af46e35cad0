/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tasks.c - a unit is started, changed, stopped.
 */
#include "scope.h"
#include <errno.h>
#include <hrun/err.h>
#include <hrun/str.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SYSTEMD_ERROR(name) "org.freedesktop.systemd1." name

/* "257.7-1", "v252": the first number. */
static int ask_version(struct talk *t)
{
	char text[128];

	TRY(bus_property(t, SYSTEMD_PATH, MANAGER, "Version", text, sizeof text));
	t->answer.systemd = (uint32_t)strtoul(text + strcspn(text, "0123456789"), NULL, 10);
	return 0;
}

/* What systemd has said, in words that say what to do. */
static int explain(struct talk *t, int r, const sd_bus_error *error)
{
	const char *unit = t->request.unit, *text = error->message ? error->message : strerror(-r);

	if (sd_bus_error_has_name(error, SYSTEMD_ERROR("UnitExists")))
		return talk_fail(t, EEXIST, "unit %s exists already; stop it (systemctl stop) or choose another name",
				 unit);
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
		return talk_fail(t, EACCES, "systemd does not let this user have unit %s: %.120s", unit, text);
	if (sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	    sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
		return talk_fail(t, ENOTCONN, "there is no systemd on this bus: %.120s", text);
	return talk_fail(t, -r, "systemd refuses unit %s: %.200s", unit, text);
}

static int call_with_unit(struct talk *t, const char *method, const char *mode, sd_bus_error *error,
			  sd_bus_message **ret)
{
	sd_bus_message *call = NULL;

	TRY(bus_new_call(t, method, &call));
	int r = sd_bus_message_append(call, "s", t->request.unit);
	if (r >= 0 && mode)
		r = sd_bus_message_append(call, "s", mode);
	if (r >= 0)
		return bus_call(t, call, error, ret);
	sd_bus_message_unref(call);
	return r;
}

/* What it answers does not matter: a unit that has not failed, or is gone, is what is wanted. */
static void reset_failed(struct talk *t)
{
	sd_bus_error ignored = SD_BUS_ERROR_NULL;

	call_with_unit(t, "ResetFailedUnit", NULL, &ignored, NULL);
	sd_bus_error_free(&ignored);
}

/* ---- start ---- */

/* StartTransientUnit(s name, s mode, a(sv) properties, a(sa(sv)) auxiliary units) */
static int append_start(const struct talk *t, sd_bus_message *call)
{
	TRY(sd_bus_message_append(call, "ss", t->request.unit, "fail"));
	TRY(sd_bus_message_open_container(call, 'a', "(sv)"));
	TRY(properties_append(t, call));
	TRY(sd_bus_message_append(call, "(sv)", "PIDs", "au", 1, (uint32_t)getpid()));
	TRY(sd_bus_message_close_container(call));
	return sd_bus_message_append(call, "a(sa(sv))", 0);
}

static int start_once(struct talk *t, sd_bus_error *error, sd_bus_message **ret)
{
	sd_bus_message *call = NULL;

	TRY(bus_new_call(t, "StartTransientUnit", &call));
	int r = append_start(t, call);
	if (r >= 0)
		return bus_call(t, call, error, ret);
	sd_bus_message_unref(call);
	return r;
}

static int start(struct talk *t, sd_bus_message **ret)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int r = start_once(t, &error, ret);

	/* One of that name that has failed before stands in the way until it is forgotten. */
	if (r < 0 && sd_bus_error_has_name(&error, SYSTEMD_ERROR("UnitExists"))) {
		reset_failed(t);
		sd_bus_error_free(&error);
		r = start_once(t, &error, ret);
	}
	if (r < 0)
		r = explain(t, r, &error);
	sd_bus_error_free(&error);
	return r;
}

int task_start(struct talk *t)
{
	sd_bus_message *reply = NULL;
	char *path = NULL;

	TRY(ask_version(t));
	TRY(start(t, &reply));
	int r = bus_wait_job(t, reply);
	sd_bus_message_unref(reply);
	TRY(r);
	if (sd_bus_path_encode(SYSTEMD_PATH "/unit", t->request.unit, &path) < 0)
		return talk_fail(t, EINVAL, "unit %s has no path on the bus", t->request.unit);
	r = bus_property(t, path, SYSTEMD_ERROR("Scope"), "ControlGroup", t->answer.cgroup, sizeof t->answer.cgroup);
	free(path);
	TRY(r);
	return t->answer.cgroup[0] ? 0 : talk_fail(t, EIO, "unit %s has no cgroup", t->request.unit);
}

/* ---- set and stop ---- */

/* SetUnitProperties(s name, b runtime, a(sv) properties) */
static int append_set(const struct talk *t, sd_bus_message *call)
{
	TRY(sd_bus_message_append(call, "sb", t->request.unit, true));
	TRY(sd_bus_message_open_container(call, 'a', "(sv)"));
	TRY(properties_append(t, call));
	return sd_bus_message_close_container(call);
}

int task_set(struct talk *t)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL;

	TRY(ask_version(t));
	TRY(bus_new_call(t, "SetUnitProperties", &call));
	int r = append_set(t, call);
	if (r < 0)
		sd_bus_message_unref(call);
	else
		r = bus_call(t, call, &error, NULL);
	if (r < 0)
		r = explain(t, r, &error);
	sd_bus_error_free(&error);
	return r;
}

int task_stop(struct talk *t)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = call_with_unit(t, "StopUnit", "replace", &error, &reply);
	bool is_gone = sd_bus_error_has_name(&error, SYSTEMD_ERROR("NoSuchUnit"));

	if (r < 0 && !is_gone)
		r = explain(t, r, &error);
	else if (!is_gone)
		r = bus_wait_job(t, reply);
	sd_bus_message_unref(reply);
	sd_bus_error_free(&error);
	reset_failed(t);
	return is_gone ? 0 : r;
}
