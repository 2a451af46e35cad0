/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lsm.c - the security modules of the kernel.
 */
#include <hrun/doctor_look.h>
#include <hrun/host.h>
#include <hrun/str.h>
#include <unistd.h>

static void say_list(struct doctor *doctor)
{
	const char *list = doctor_word(doctor->pool, "/sys/kernel/security/lsm");

	if (list)
		doctor_say(doctor, "lsm.list", DOCTOR_OK, NULL, "%s", list);
	else
		doctor_say(doctor, "lsm.list", DOCTOR_NONE, NULL, "securityfs is not mounted, or not for this user");
}

static void say_selinux(struct doctor *doctor)
{
	const int enforcing = host_flag(host_files.selinux_enforce, '1');

	if (enforcing < 0)
		doctor_say(doctor, "lsm.selinux", DOCTOR_WARN, "ask again as root", "SELinux does not say its mode");
	else if (access(host_files.selinux_enforce, F_OK) < 0)
		doctor_say(doctor, "lsm.selinux", DOCTOR_NONE, NULL, "SELinux is off");
	else
		doctor_say(doctor, "lsm.selinux", DOCTOR_WARN,
			   "configs with process.selinuxLabel are refused; set label=disable in the engine",
			   "SELinux is %s, and this hrun sets no labels", enforcing ? "enforcing" : "permissive");
}

static void say_apparmor(struct doctor *doctor)
{
	const int on = host_flag(host_files.apparmor_enabled, 'Y');

	if (on <= 0)
		doctor_say(doctor, "lsm.apparmor", on ? DOCTOR_WARN : DOCTOR_NONE, "ask again as root", "AppArmor %s",
			   on ? "does not say whether it is on" : "is off");
	else
		doctor_say(doctor, "lsm.apparmor", DOCTOR_WARN,
			   "configs with process.apparmorProfile are refused; set apparmor=unconfined in the engine",
			   "AppArmor is on, and this hrun sets no profiles");
}

void doctor_lsm(struct doctor *doctor)
{
	say_list(doctor);
	say_selinux(doctor);
	say_apparmor(doctor);
}
