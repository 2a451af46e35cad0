/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_key.c - any bytes as a key file of either scheme; the text also as a name of an image and as a trusted identity.
 */
#include "fuzz_signature.h"
#include <hrun/utc.h>

static void load(const unsigned char *bytes, size_t size, enum image_scheme scheme)
{
	struct pool pool = {0};
	struct key *key = NULL;
	struct refusal r = {0};

	if (driver_key(&pool, bytes, size, scheme, &key, &r) < 0)
		fuzz_expect(r.reason[0] && !str_has_control(r.reason) && r.stage == IMAGE_STAGE_POLICY);
	else
		fuzz_expect(key->public_key && !key->certificate == (scheme != IMAGE_SCHEME_NOTATION) &&
			    key_same(key, key));
	key_free(key);
	pool_free(&pool);
}

int LLVMFuzzerTestOneInput(const unsigned char *bytes, size_t size)
{
	struct pool pool = {0};
	int64_t seconds;
	char *text = pool_strndup(&pool, (const char *)bytes, size);

	load(bytes, size, IMAGE_SCHEME_COSIGN_KEY);
	load(bytes, size, IMAGE_SCHEME_NOTATION);
	(void)name_fault(text);
	(void)rfc3339_read(text, &seconds);
	pool_free(&pool);
	return 0;
}
