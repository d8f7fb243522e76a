#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two real Linux guests that get their addresses and names from the bridge's server.
#
#   alpha (QEMU) ---- alpha.0 [ weftd: bridge lan ] beta.0 ---- beta (QEMU)
#                                   | lan.dhcp: dnsmasq
cd "$(dirname "$0")/../.." || exit 1
# shellcheck source=tests/lib/system.sh
. tests/lib/system.sh

leases() { json '.[] | "\(.name) \(.address)"' dhcp/leases | sort; }
server_runs() { [ "$(json '.[0].state' dhcp/show)" = running ]; }

guests_lease_addresses_and_reach_each_other_by_name() {
	need dnsmasq
	start_guests alpha beta <<-END
		version: 1
		bridges:
		  lan:
		    address: 10.10.0.1/24
		    dhcp: {range: 10.10.0.100-10.10.0.199, domain: example.org, upstream: none}
		guests:
		  alpha: {nics: [{bridge: lan, anti-spoof: {enable: on, leases: on}}]}
		  beta:  {nics: [{bridge: lan}]}
	END

	expect "alpha $(address alpha) beta $(address beta)" "$(leases | xargs)"
	prints "inet $(guest alpha '.nics[0].address')" in_guest alpha ip -4 addr show eth0
	prints "default via 10.10.0.1 dev eth0" in_guest alpha ip route
	prints "nameserver 10.10.0.254" in_guest alpha cat /etc/resolv.conf
	prints 'weft.nic=[^ ,]*,dhcp,1500' in_guest alpha cat /proc/cmdline

	# By DNS: nslookup asks the server, and the long name is in no file of the guest.
	prints "$(address beta)" in_guest alpha nslookup -type=a beta
	prints "$(address beta)" in_guest alpha nslookup -type=a beta.example.org
	prints '0% packet loss' in_guest alpha ping -c 2 -W 5 beta
	prints '0% packet loss' in_guest beta ping -c 2 -W 5 alpha.example.org

	# Bound to the lease: another address is not alpha's.
	in_guest alpha ip address add 10.10.0.77/24 dev eth0
	result_is 1 '100% packet loss' in_guest alpha ping -c 1 -W 1 -I 10.10.0.77 beta

	# A new weftd serves the guests that the killed one left, from its leases.
	kill_weftd
	start_weftd -c "$SCRATCH/config.yaml"
	wait_for 10 guest_is alpha "running ready"
	wait_for 5 server_runs
	expect "alpha $(address alpha) beta $(address beta)" "$(leases | xargs)"
	prints '0% packet loss' in_guest alpha ping -c 2 -W 5 beta.example.org
}

run_tests \
	guests_lease_addresses_and_reach_each_other_by_name
