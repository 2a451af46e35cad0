/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hook_words.c - names of programs that do whatever their arguments say, and of variables that make programs load code.
 *
 * Names prove nothing, they catch what is written without guile; whoever owns a hook's file is rules_hooks.c's affair.
 */
#include <hrun/judging.h>
#include <hrun/str.h>
#include <string.h>

/* "perl", "perl5.36-x86_64-linux-gnu", "lua-5.4"; not "node-agent". */
static bool is_version_of(const char *name, const char *program)
{
	if (!str_starts(name, program))
		return false;
	name += strlen(program);
	name += *name == '-' || *name == '.';
	return *name == '\0' || (*name >= '0' && *name <= '9');
}

bool hook_runs_text(const char *path)
{
	static const char *const programs[] = {
		"sh",	      "bash",	    "rbash",	   "dash",
		"ash",	      "zsh",	    "ksh",	   "mksh",
		"fish",	      "csh",	    "tcsh",	   "env",
		"toybox",     "perl",	    "ruby",	   "node",
		"nodejs",     "php",	    "lua",	   "tclsh",
		"expect",     "awk",	    "gawk",	   "mawk",
		"nawk",	      "xargs",	    "nsenter",	   "unshare",
		"chroot",     "sudo",	    "su",	   "doas",
		"runuser",    "setpriv",    "capsh",	   "setsid",
		"timeout",    "nohup",	    "nice",	   "ionice",
		"taskset",    "chrt",	    "prlimit",	   "setarch",
		"stdbuf",     "flock",	    "systemd-run", "original-awk",
		"find",	      "make",	    "gdb",	   "strace",
		"script",     "watch",	    "ssh",	   "socat",
		"ltrace",     "perf",	    "valgrind",	   "time",
		"choom",      "runcon",	    "linux32",	   "linux64",
		"i386",	      "x86_64",	    "pkexec",	   "bwrap",
		"firejail",   "fakeroot",   "parallel",	   "run-parts",
		"tar",	      "sed",	    "ed",	   "ex",
		"vi",	      "vim",	    "nano",	   "emacs",
		"m4",	      "dc",	    "git",	   "rsync",
		"at",	      "batch",	    "crontab",	   "start-stop-daemon",
		"ip",	      "gcc",	    "cc",	   "guile",
		"pypy",	      "julia",	    "coreutils",   "systemctl",
		"busctl",     "cp",	    "mv",	   "ln",
		"dd",	      "tee",	    "install",	   "chmod",
		"chown",      "mount",	    "insmod",	   "modprobe",
		"kmod",	      "sysctl",	    "cpio",	   "dpkg",
		"rpm",	      "runc",	    "crun",	   "ctr",
		"crictl",     "kubectl",    "less",	   "man",
		"hrun",	      "docker",	    "podman",	   "buildah",
		"machinectl", "lxc-attach", "nsjail",	   "catatonit",
		"tini",	      "dumb-init",  "docker-init", "podman-init",
		"chpst",      "envdir",	    "sort",	   "split",
		"uclampset",  "newgrp",	    "sg",	   "sqlite3",
		"apt",	      "apt-get",    "apk",	   "dnf",
		"yum",	      "curl",	    "wget",	   "rm",
		"touch",      "truncate",   "link",	   "mkfifo",
		"mknod",      "shred",	    "patch",	   "unzip",
		"ncat",	      "nc",	    "openssl",	   "useradd",
		"usermod",    "groupmod",   "chpasswd",	   "visudo",
		"csplit",     "swapon",	    "losetup",	   "debugfs",
	};
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
		if (is_version_of(name, programs[i]))
			return true;
	}
	return str_starts(name, "python") || str_starts(name, "busybox") || str_starts(name, "ld-linux") ||
	       str_starts(name, "ld-musl") || str_starts(name, "ld.so");
}

bool hook_is_loader_variable(const char *name)
{
	static const char *const names[] = {
		"GCONV_PATH",
		"GLIBC_TUNABLES",
		"BASH_ENV",
		"ENV",
		"SHELLOPTS",
		"BASHOPTS",
		"PS4",
		"PROMPT_COMMAND",
		"NODE_OPTIONS",
		"NODE_PATH",
		"PERLLIB",
		"PERL_MB_OPT",
		"RUBYOPT",
		"RUBYLIB",
		"LUA_INIT",
		"LUA_PATH",
		"LUA_CPATH",
		"TCLLIBPATH",
		"AWKPATH",
		"AWKLIBPATH",
		"JAVA_OPTS",
		"CLASSPATH",
		"IFS",
		"JAVA_TOOL_OPTIONS",
		"OPENSSL_CONF",
		"OPENSSL_ENGINES",
		"PAGER",
		"EDITOR",
		"VISUAL",
		"OPENSSL_MODULES",
		"_JAVA_OPTIONS",
		"SYSTEMD_PAGER",
		"PHPRC",
		"PHP_INI_SCAN_DIR",
		"GIO_MODULE_DIR",
		"GIO_EXTRA_MODULES",
		"KRB5_CONFIG",
		"JDK_JAVA_OPTIONS",
	};
	/* What the C library itself keeps from setuid programs, or reads files by. */
	static const char *const library[] = {
		"GETCONF_DIR", "HOSTALIASES", "LOCALDOMAIN",	  "LOCPATH", "MALLOC_TRACE",
		"NIS_PATH",    "NLSPATH",     "RESOLV_HOST_CONF", "TZDIR",
	};
	/* A function that bash finds in its environment is called instead of the program of that name. */
	static const char *const prefixes[] = {"LD_", "PYTHON", "PERL5", "BASH_FUNC_", "GIT_", "LUA_INIT_"};

	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		if (str_starts(name, prefixes[i]))
			return true;
	}
	return IS_ONE_OF(name, names) || IS_ONE_OF(name, library);
}
