/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arch.c - the system call ABIs that a seccomp program may meet, and their words in a config.
 */
#include <hrun/filter_arch.h>
#include <hrun/str.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stddef.h>

#if defined(__x86_64__)
enum { NATIVE = AUDIT_ARCH_X86_64, COMPANION = AUDIT_ARCH_I386 };
#define NATIVE_NAME "SCMP_ARCH_X86_64"
#elif defined(__aarch64__)
enum { NATIVE = AUDIT_ARCH_AARCH64, COMPANION = AUDIT_ARCH_ARM };
#define NATIVE_NAME "SCMP_ARCH_AARCH64"
#else
#error "hrun knows no system call numbers of this architecture"
#endif

uint32_t filter_native_arch(void)
{
	return (uint32_t)NATIVE;
}

uint32_t filter_companion_arch(void)
{
	return (uint32_t)COMPANION;
}

const char *filter_native_arch_name(void)
{
	return NATIVE_NAME;
}

uint32_t filter_arch(const char *word)
{
	static const char prefix[] = "SCMP_ARCH_";
	char name[32];
	size_t i;

	if (!str_starts(word, prefix) || strlen(word) >= sizeof name)
		return 0;
	word += strlen(prefix);
	for (i = 0; word[i]; i++) {
		if (word[i] >= 'a' && word[i] <= 'z')
			return 0;
		name[i] = word[i] >= 'A' && word[i] <= 'Z' ? (char)(word[i] - 'A' + 'a') : word[i];
	}
	name[i] = '\0';
	return seccomp_arch_resolve_name(name);
}

/* Words of the specification that libseccomp may be too old for. */
bool filter_arch_is_known(const char *word)
{
	static const char *const newer[] = {
		"SCMP_ARCH_PARISC", "SCMP_ARCH_PARISC64", "SCMP_ARCH_RISCV64", "SCMP_ARCH_LOONGARCH64",
		"SCMP_ARCH_M68K",   "SCMP_ARCH_SH",	  "SCMP_ARCH_SHEB",
	};

	for (size_t i = 0; i < sizeof newer / sizeof *newer; i++) {
		if (str_equal(word, newer[i]))
			return true;
	}
	return filter_arch(word) != 0;
}
