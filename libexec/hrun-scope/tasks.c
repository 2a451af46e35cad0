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

/* What it answers does not matter: a unit that has not failed, or is gone, is what is wanted. */
static void reset_failed(struct talk *t)
{
	sd_bus_error ignored = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL;

	if (bus_new_call(t, "ResetFailedUnit", &call) < 0)
		return;
	if (sd_bus_message_append(call, "s", t->request.unit) >= 0)
		bus_call(t, call, &ignored, NULL);
	else
		sd_bus_message_unref(call);
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
	/* We are in it, so it cannot have given its name to another one meanwhile. */
	r = bus_property(t, path, SYSTEMD_ERROR("Scope"), "ControlGroup", t->answer.cgroup, sizeof t->answer.cgroup);
	if (r >= 0)
		r = bus_invocation(t, path, t->answer.invocation);
	free(path);
	TRY(r);
	return t->answer.cgroup[0] ? 0 : talk_fail(t, EIO, "unit %s has no cgroup", t->request.unit);
}

/* ---- set and stop ---- */

/*
 * The unit by its invocation: *RET (owned) is a path that leads nowhere as soon as it has ended, whatever else is given its name
 * then.  "NoUnitForInvocationID" where it has.
 */
static int find_unit(struct talk *t, sd_bus_error *error, char **ret)
{
	sd_bus_message *call = NULL, *reply = NULL;
	const char *path;
	sd_id128_t id;

	TRY(sd_id128_from_string(t->request.invocation, &id));
	TRY(bus_new_call(t, "GetUnitByInvocationID", &call));
	int r = sd_bus_message_append_array(call, 'y', &id, sizeof id);
	if (r < 0)
		sd_bus_message_unref(call);
	else
		r = bus_call(t, call, error, &reply);
	if (r >= 0)
		r = sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		r = (*ret = strdup(path)) ? 0 : -ENOMEM;
	sd_bus_message_unref(reply);
	return r;
}

static bool has_ended(const sd_bus_error *error)
{
	return sd_bus_error_has_name(error, SYSTEMD_ERROR("NoUnitForInvocationID")) ||
	       sd_bus_error_has_name(error, SD_BUS_ERROR_UNKNOWN_OBJECT);
}

/* SetProperties(b runtime, a(sv) properties) */
static int append_set(const struct talk *t, sd_bus_message *call)
{
	TRY(sd_bus_message_append(call, "b", true));
	TRY(sd_bus_message_open_container(call, 'a', "(sv)"));
	TRY(properties_append(t, call));
	return sd_bus_message_close_container(call);
}

static int set(struct talk *t, const char *path, sd_bus_error *error)
{
	sd_bus_message *call = NULL;

	TRY(bus_new_unit_call(t, path, "SetProperties", &call));
	int r = append_set(t, call);
	if (r < 0) {
		sd_bus_message_unref(call);
		return r;
	}
	r = bus_call(t, call, error, NULL);
	/* Of an answer that got lost there is a reason already; nobody knows what it was. */
	t->answer.unchanged = r < 0 && !t->answer.reason[0];
	return r;
}

int task_set(struct talk *t)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = NULL;

	TRY(ask_version(t));
	int r = find_unit(t, &error, &path);
	if (r >= 0)
		r = set(t, path, &error);
	if (r < 0 && has_ended(&error))
		r = talk_fail(t, ENOENT, "unit %s of the container has ended", t->request.unit);
	else if (r < 0)
		r = explain(t, r, &error);
	free(path);
	sd_bus_error_free(&error);
	return r;
}

static int stop(struct talk *t, const char *path, sd_bus_error *error)
{
	sd_bus_error ignored = SD_BUS_ERROR_NULL;
	sd_bus_message *call = NULL, *reply = NULL;

	TRY(bus_new_unit_call(t, path, "Stop", &call));
	int r = sd_bus_message_append(call, "s", "replace");
	if (r < 0)
		sd_bus_message_unref(call);
	else
		r = bus_call(t, call, error, &reply);
	if (r >= 0)
		r = bus_wait_job(t, reply);
	sd_bus_message_unref(reply);
	TRY(r);
	/* What this answers does not matter: a unit that has not failed, or is gone, is what is wanted. */
	if (bus_new_unit_call(t, path, "ResetFailed", &call) >= 0)
		bus_call(t, call, &ignored, NULL);
	sd_bus_error_free(&ignored);
	return 0;
}

int task_stop(struct talk *t)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	char *path = NULL;
	int r = find_unit(t, &error, &path);

	if (r >= 0)
		r = stop(t, path, &error);
	if (r < 0)
		r = has_ended(&error) ? 0 : explain(t, r, &error);
	free(path);
	sd_bus_error_free(&error);
	return r;
}
