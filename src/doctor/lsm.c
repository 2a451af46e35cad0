/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lsm.c - the security modules of the kernel.
 */
#include <hrun/doctor_look.h>
#include <hrun/host.h>
#include <hrun/str.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { LABEL_MAX = 256 };

static void say_list(struct doctor *doctor)
{
	const char *list = doctor_word(doctor->pool, "/sys/kernel/security/lsm");

	if (list)
		doctor_say(doctor, "lsm.list", DOCTOR_OK, NULL, "%s", list);
	else
		doctor_say(doctor, "lsm.list", DOCTOR_NONE, NULL, "securityfs is not mounted, or not for this user");
}

/* With another type than a container runtime's the policy lets no program change into a container's (docs/SELINUX.md). */
static bool has_runtime_type(char *ret_label, size_t size)
{
	ssize_t length = getxattr("/proc/self/exe", "security.selinux", ret_label, size - 1);

	ret_label[length > 0 ? length : 0] = '\0';
	return strstr(ret_label, ":container_runtime_exec_t:") || strstr(ret_label, ":container_engine_exec_t:");
}

static void say_selinux(struct doctor *doctor)
{
	char label[LABEL_MAX];
	const int enforcing = host_flag(host_files.selinux_enforce, '1');
	const char *mode = enforcing ? "enforcing" : "permissive";

	if (enforcing < 0)
		doctor_say(doctor, "lsm.selinux", DOCTOR_WARN, "ask again as root", "SELinux does not say its mode");
	else if (access(host_files.selinux_enforce, F_OK) < 0)
		doctor_say(doctor, "lsm.selinux", DOCTOR_NONE, NULL, "SELinux is off");
	else if (has_runtime_type(label, sizeof label))
		doctor_say(doctor, "lsm.selinux", DOCTOR_OK, NULL, "SELinux is %s, hrun is %s", mode, label);
	else
		doctor_say(doctor, "lsm.selinux", DOCTOR_WARN,
			   "give it the type of a container runtime (docs/SELINUX.md); enforced, containers with a "
			   "label do not start without it",
			   "SELinux is %s, and hrun's file is %s", mode, *label ? label : "without a label");
}

static void say_apparmor(struct doctor *doctor)
{
	const int on = host_flag(host_files.apparmor_enabled, 'Y');

	if (on <= 0)
		doctor_say(doctor, "lsm.apparmor", on ? DOCTOR_WARN : DOCTOR_NONE, "ask again as root", "AppArmor %s",
			   on ? "does not say whether it is on" : "is off");
	else if (host_has_profile(host_files.apparmor_profiles, HOST_DEFAULT_PROFILE))
		doctor_say(doctor, "lsm.apparmor", DOCTOR_OK, NULL,
			   "AppArmor is on, and " HOST_DEFAULT_PROFILE " is loaded");
	else
		doctor_say(doctor, "lsm.apparmor", DOCTOR_WARN,
			   "apparmor_parser -r /etc/apparmor.d/" HOST_DEFAULT_PROFILE " (docs/APPARMOR.md)",
			   "AppArmor is on, and " HOST_DEFAULT_PROFILE
			   " is not loaded: containers whose config names no "
			   "profile have none");
}

void doctor_lsm(struct doctor *doctor)
{
	say_list(doctor);
	say_selinux(doctor);
	say_apparmor(doctor);
}
