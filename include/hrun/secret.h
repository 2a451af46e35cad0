/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.h - credentials that can be told by their shape alone.
 */
#ifndef HRUN_SECRET_H
#define HRUN_SECRET_H

#include <stdbool.h>
#include <stddef.h>

/* What TEXT holds ("a GitHub token"), whole or somewhere in it, or NULL.  Linear in its length. */
const char *secret_in(const char *text);

/* Does NAME (LENGTH bytes) say that its value is a secret?  Letters in any case, anywhere in it: DB_PASSWORD, authToken. */
bool secret_name(const char *name, size_t length);

#endif
