/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef DAEMON_IMAGE_H
#define DAEMON_IMAGE_H

#include <stddef.h>

/*
 * Where `make guest-image` put the guests' kernel and initramfs: build/image beside a build tree's
 * binaries, or lib/weft beside an installed bin/. WEFT_IMAGE_DIR in the environment comes first.
 * Writes the last place that was looked at when there is no image, for messages. Any thread.
 */
void image_find_dir(char *dir, size_t size);

#endif
