/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "vmm/kernel.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/layout.h"

#define SETUP_AT	 0x1f1 /* of struct setup_header in a bzImage */
#define SETUP_MAGIC_AT	 0x202
#define SETUP_MAGIC	 0x53726448u
#define SETUP_BOOT_FLAG	 0xaa55
#define PROTOCOL_MIN	 0x20c
#define ENTRY_64	 0x200
#define SECTOR		 512
#define SETUP_SECTS_NONE 4 /* what 0 means */
#define INITRD_MAX_ELF	 0x7fffffffull
#define NOTE_PVH_ENTRY	 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define SEGMENTS_MAX	 64

struct image {
	int fd;
	uint64_t bytes;
	uint8_t head[1024]; /* zeroes behind the file's end */
};

static int no_kernel(struct err *e, const char *why)
{
	return err_set(e, ENOEXEC, "%s", why);
}

static int too_little(struct err *e, uint64_t end, const struct memory *m)
{
	return err_set(e, ENOMEM,
		       "too little memory: the kernel needs %llu MiB to start and the guest has "
		       "%llu; give it more (--memory)",
		       (unsigned long long)(end + (1 << 20) - 1) >> 20,
		       (unsigned long long)m->bytes >> 20);
}

static int cut_short(struct err *e)
{
	return no_kernel(e, "the kernel's file is cut short; copy it again");
}

static int read_at(int fd, uint64_t offset, void *to, size_t len)
{
	return pread(fd, to, len, (off_t)offset) == (ssize_t)len ? 0 : -EIO;
}

static int load(const struct memory *m, uint64_t gpa, int fd, uint64_t offset, uint64_t bytes,
		struct err *e)
{
	int ret = memory_load(m, gpa, fd, offset, bytes);

	if (ret == -EIO)
		return cut_short(e);
	return ret ? err_set(e, -ret, "the kernel cannot be loaded: %s", strerror(-ret)) : 0;
}

/* The bytes of the setup header that the image has; a newer one is longer than ours. */
static void copy_setup(struct setup_header *h, const uint8_t *head)
{
	size_t len = SETUP_MAGIC_AT - SETUP_AT + head[0x201];

	memset(h, 0, sizeof(*h));
	memcpy(h, head + SETUP_AT, MIN_OF(len, sizeof(*h)));
}

static int check_setup(const struct setup_header *h, struct err *e)
{
	if (h->version < PROTOCOL_MIN || !(h->loadflags & LOADED_HIGH) ||
	    !(h->xloadflags & XLF_KERNEL_64))
		return no_kernel(e, "the kernel has no 64-bit entry; take an x86-64 kernel of "
				    "Linux 3.8 or newer, or engine: qemu");
	if (h->pref_address < HIGH_RAM_START)
		return no_kernel(e, "the kernel wants to be below 1 MiB; is it a Linux kernel?");
	return 0;
}

static int load_bzimage(struct kernel *k, const struct image *image, const struct memory *m,
			struct err *e)
{
	struct setup_header *h = &k->setup;
	uint64_t setup_bytes, bytes, end;
	int ret;

	copy_setup(h, image->head);
	ret = check_setup(h, e);
	if (ret)
		return ret;
	setup_bytes = (uint64_t)((h->setup_sects ?: SETUP_SECTS_NONE) + 1) * SECTOR;
	if (setup_bytes + ENTRY_64 >= image->bytes)
		return cut_short(e);
	bytes = image->bytes - setup_bytes;
	end = h->pref_address + MAX_OF((uint64_t)h->init_size, bytes);
	if (end < h->pref_address || !memory_at(m, h->pref_address, end - h->pref_address))
		return too_little(e, end, m);
	ret = load(m, h->pref_address, image->fd, setup_bytes, bytes, e);
	if (ret)
		return ret;
	k->entry = KERNEL_LINUX64;
	k->start = h->pref_address + ENTRY_64;
	k->first = h->pref_address;
	k->end = end;
	k->initrd_max = h->initrd_addr_max;
	return 0;
}

/* What follows the file's bytes (.bss) is zero already. */
static int load_segment(struct kernel *k, const Elf64_Phdr *p, const struct image *image,
			const struct memory *m, struct err *e)
{
	if (p->p_filesz > p->p_memsz || p->p_offset > image->bytes ||
	    p->p_filesz > image->bytes - p->p_offset)
		return cut_short(e);
	if (p->p_paddr < HIGH_RAM_START)
		return no_kernel(e, "the kernel wants to be below 1 MiB; is it a Linux kernel?");
	if (!memory_at(m, p->p_paddr, p->p_memsz))
		return too_little(e, p->p_paddr + MIN_OF(p->p_memsz, 1ull << 40), m);
	k->first = MIN_OF(k->first, p->p_paddr);
	k->end = MAX_OF(k->end, p->p_paddr + p->p_memsz);
	return load(m, p->p_paddr, image->fd, p->p_offset, p->p_filesz, e);
}

static uint64_t padded(uint32_t len)
{
	return ((uint64_t)len + 3) & ~3ull;
}

/* Looks for Xen's note with the 32-bit entry among the notes from `at` to `end` of the file. */
static void find_pvh(struct kernel *k, int fd, uint64_t at, uint64_t end)
{
	struct {
		Elf64_Nhdr n;
		char name[4];
		uint32_t entry;
	} note;
	uint64_t len;

	for (; end - at >= sizeof(note) && read_at(fd, at, &note, sizeof(note)) == 0; at += len) {
		len = sizeof(note.n) + padded(note.n.n_namesz) + padded(note.n.n_descsz);
		if (len > end - at)
			return;
		if (note.n.n_type != NOTE_PVH_ENTRY || note.n.n_namesz != sizeof(note.name) ||
		    note.n.n_descsz < sizeof(note.entry) || memcmp(note.name, "Xen", 4) != 0)
			continue;
		k->entry = KERNEL_PVH;
		k->start = note.entry;
	}
}

static int load_segments(struct kernel *k, const Elf64_Phdr *list, unsigned n,
			 const struct image *image, const struct memory *m, struct err *e)
{
	int ret = 0;

	for (const Elf64_Phdr *p = list; p < list + n && ret == 0; p++) {
		if (p->p_type == PT_LOAD && p->p_memsz)
			ret = load_segment(k, p, image, m, e);
		else if (p->p_type == PT_NOTE && p->p_offset <= image->bytes &&
			 p->p_filesz <= image->bytes - p->p_offset)
			find_pvh(k, image->fd, p->p_offset, p->p_offset + p->p_filesz);
	}
	return ret;
}

static int load_elf(struct kernel *k, const struct image *image, const struct memory *m,
		    struct err *e)
{
	Elf64_Phdr list[SEGMENTS_MAX];
	Elf64_Ehdr h;
	int ret;

	memcpy(&h, image->head, sizeof(h));
	if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_machine != EM_X86_64)
		return no_kernel(e, "the kernel has no 64-bit entry: its ELF file is for another "
				    "processor; take an x86-64 kernel");
	if (h.e_phentsize != sizeof(list[0]) || h.e_phnum > SEGMENTS_MAX || h.e_phoff > INT64_MAX ||
	    read_at(image->fd, h.e_phoff, list, h.e_phnum * sizeof(list[0])) < 0)
		return cut_short(e);
	k->entry = KERNEL_LINUX64;
	k->start = h.e_entry;
	k->first = UINT64_MAX;
	ret = load_segments(k, list, h.e_phnum, image, m, e);
	if (ret)
		return ret;
	if (k->start < k->first || k->start >= k->end)
		return no_kernel(e, "the kernel's entry is not in what it loads; is it a kernel?");
	k->initrd_max = INITRD_MAX_ELF;
	k->setup.boot_flag = SETUP_BOOT_FLAG;
	k->setup.header = SETUP_MAGIC;
	k->setup.kernel_alignment = 0x1000000;
	return 0;
}

int kernel_load(struct kernel *k, int fd, const struct memory *m, struct err *e)
{
	struct image image = {.fd = fd};
	uint32_t magic;
	struct stat st;

	*k = (struct kernel){0};
	if (fstat(fd, &st) < 0 || pread(fd, image.head, sizeof(image.head), 0) < 0)
		return err_set(e, errno, "cannot be read: %s", strerror(errno));
	image.bytes = (uint64_t)st.st_size;
	memcpy(&magic, image.head + SETUP_MAGIC_AT, sizeof(magic));
	if (memcmp(image.head, ELFMAG, SELFMAG) == 0)
		return load_elf(k, &image, m, e);
	if (magic == SETUP_MAGIC)
		return load_bzimage(k, &image, m, e);
	return no_kernel(e, "neither a bzImage nor an ELF file; --kernel takes a Linux kernel");
}
