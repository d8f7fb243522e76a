/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Network devices of the host as ports and uplinks: that what is asked of one goes together. */

#include <ctype.h>
#include <string.h>

#include "config/check.h"
#include "config/errors.h"

/* "0000:01:00.0": domain, bus, device and function, all hexadecimal. */
static bool is_pci_address(const char *text)
{
	static const char form[] = "xxxx:xx:xx.x";

	if (strlen(text) != sizeof(form) - 1)
		return false;
	for (unsigned i = 0; form[i]; i++)
		if (form[i] == 'x' ? !isxdigit((unsigned char)text[i]) : text[i] != form[i])
			return false;
	return true;
}

static void check_dpdk(struct check *k, const struct config_host_nic *n, const char *path)
{
	if (n->dev[0])
		errors_help(errors_add(k->errs, n->dev_pos,
				       "%s.dev: a device of driver dpdk has no name, it is not the "
				       "kernel's",
				       path),
			    "write pci: and its PCI address, such as \"0000:01:00.0\"");
	else if (!n->pci[0])
		errors_help(
			errors_add(k->errs, n->pos, "%s: driver dpdk needs a PCI address", path),
			"write pci: \"0000:01:00.0\"; `lspci -D` lists addresses");
	else if (!is_pci_address(n->pci))
		errors_help(errors_add(k->errs, n->pci_pos, "%s.pci: '%s' is no PCI address", path,
				       n->pci),
			    "write it with its domain, as \"0000:01:00.0\"");
}

static void check_netdev(struct check *k, const struct config_host_nic *n, const char *path)
{
	if (n->pci[0])
		errors_help(
			errors_add(k->errs, n->pci_pos, "%s.pci: only driver dpdk has it", path),
			"write dev: and the device's name, or driver: dpdk");
	else if (!n->dev[0])
		errors_help(errors_add(k->errs, n->pos, "%s: which device?", path),
			    "write dev: and its name; `ip link` lists devices");
	else if (strchr(n->dev, '/') || strchr(n->dev, ' '))
		errors_help(errors_add(k->errs, n->dev_pos, "%s.dev: '%s' is no name of a device",
				       path, n->dev),
			    "`ip link` lists devices");
}

static void check_nic(struct check *k, const struct config_host_nic *n, const char *path)
{
	const char *device = n->driver == NIC_DRIVER_DPDK ? n->pci : n->dev;

	if (!path)
		return;
	if (n->driver == NIC_DRIVER_DPDK)
		check_dpdk(k, n, path);
	else
		check_netdev(k, n, path);
	if (n->driver != NIC_DRIVER_AF_XDP && n->mode != NIC_XDP_AUTO)
		errors_help(errors_add(k->errs, n->mode_pos,
				       "%s.mode: only driver af_xdp has modes", path),
			    "remove it, or write driver: af_xdp");
	if (n->driver != NIC_DRIVER_AF_XDP && n->share)
		errors_help(errors_add(k->errs, n->share_pos,
				       "%s.share: only driver af_xdp shares a device with the host",
				       path),
			    "remove it, or write driver: af_xdp");
	if (device[0])
		check_claim(k, &k->devices, device, path,
			    n->driver == NIC_DRIVER_DPDK ? n->pci_pos : n->dev_pos,
			    "a device is one port or one uplink");
}

void check_host_nics(struct check *k)
{
	for (unsigned i = 0; i < k->c->n_ports; i++)
		if (k->c->ports[i].kind == PORT_NIC)
			check_nic(k, &k->c->ports[i].nic,
				  arena_printf(k->scratch, "ports.%s.nic", k->c->ports[i].name));
	for (unsigned i = 0; i < k->c->n_uplinks; i++)
		if (k->c->uplinks[i].kind == UPLINK_NIC)
			check_nic(
				k, &k->c->uplinks[i].nic,
				arena_printf(k->scratch, "uplinks.%s.nic", k->c->uplinks[i].name));
}
