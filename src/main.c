/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - argv -> verb.
 */
#include <hrun/cli.h>

int main(int argc, char **argv)
{
	return cli_main(argc, argv);
}
