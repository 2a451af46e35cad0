/* SPDX-License-Identifier: Apache-2.0 */
/*
 * whole_file.h - a file that is there whole or not at all, whenever its writer is killed.
 */
#ifndef HRUN_WHOLE_FILE_H
#define HRUN_WHOLE_FILE_H

#include <hrun/err.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * SIZE bytes of DATA as NAME in DIR, a descriptor that was opened for reading; NAME has no slash.  The bytes are on the disk before
 * the name is.  What has the name already is replaced with REPLACE, or the answer is -EEXIST.  -EBUSY where
 * somebody holds the directory locked for seconds.  0 or negative errno with *e.
 */
int whole_file_write(int dir, const char *name, mode_t mode, const void *data, size_t size, bool replace,
		     struct err *e);

#endif
