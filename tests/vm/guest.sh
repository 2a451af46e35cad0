#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# guest.sh: runs in the root file system of a guest that machine.py is making (chroot), and sets it up.
set -eu

echo hrun-guest >/etc/hostname
printf '127.0.0.1 localhost hrun-guest\n' >/etc/hosts
echo '/dev/vda / ext4 rw,noatime 0 0' >/etc/fstab
: >/etc/machine-id

# The key is the cache's own: whoever may read it could read the image as well.
passwd -qd root
mkdir -p -m 700 /root/.ssh
mv /tmp/authorized_keys /root/.ssh/authorized_keys
printf 'UseDNS no\nMaxSessions 32\nPermitRootLogin prohibit-password\n' >/etc/ssh/sshd_config.d/hrun.conf

# An ordinary user with a session that outlives his log-in, and all that a session can be given.
useradd -m -s /bin/bash -u 1000 dev
passwd -qd dev
grep -q ^dev: /etc/subuid || usermod --add-subuids 100000-165535 --add-subgids 100000-165535 dev
mkdir -p -m 700 /home/dev/.ssh
cp /root/.ssh/authorized_keys /home/dev/.ssh/
chown -R dev:dev /home/dev/.ssh
mkdir -p /var/lib/systemd/linger /etc/systemd/system/user@.service.d
: >/var/lib/systemd/linger/dev
printf '[Service]\nDelegate=cpu cpuset io memory pids\n' >/etc/systemd/system/user@.service.d/delegate.conf

mkdir -p /etc/systemd/network
printf '[Match]\nName=eth0\n[Network]\nAddress=10.0.2.15/24\nGateway=10.0.2.2\nIPv6AcceptRA=no\nLinkLocalAddressing=no\n' \
  >/etc/systemd/network/eth0.network
systemctl -q enable systemd-networkd ssh
# What only costs time here.
systemctl -q mask systemd-networkd-wait-online systemd-timesyncd systemd-firstboot apt-daily.timer apt-daily-upgrade.timer \
  dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap fstrim.timer getty@tty1
systemctl -q disable containerd docker docker.socket podman.socket podman podman-restart podman-auto-update.timer 2>/dev/null || :

# Labels now: a guest that does it when it boots takes minutes.
if command -v setfiles >/dev/null; then
  printf 'SELINUX=permissive\nSELINUXTYPE=default\n' >/etc/selinux/config
  setfiles -F -e /proc -e /sys -e /dev /etc/selinux/default/contexts/files/file_contexts /
fi

# The drivers that mounting the root needs, in their order: Debian 12's kernel has not even ext4 built in, Debian 13's lacks only virtio_blk.
kernel=$(ls /lib/modules)
initrd=/tmp/initrd
mkdir -p $initrd/bin $initrd/dev $initrd/root $initrd/modules
cp /bin/busybox $initrd/bin/
number=100
for driver in $(modprobe -aDS "$kernel" virtio_pci virtio_blk ext4 | sed -n 's/^insmod \([^ ]*\).*/\1/p'); do
  name=$(basename "$driver")
  number=$((number + 1))
  case $name in
  *.xz) busybox xz -dc "$driver" >$initrd/modules/$number-"${name%.xz}" ;;
  *) cp "$driver" $initrd/modules/$number-"$name" ;;
  esac
done
cat >$initrd/init <<'INIT'
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
# One that several others need is there several times, and one for another processor is refused.
for driver in /modules/*; do /bin/busybox insmod $driver 2>/dev/null; done
until [ -b /dev/vda ]; do /bin/busybox sleep 0.05; done
/bin/busybox mount -t ext4 -o rw,noatime /dev/vda /root
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
INIT
chmod +x $initrd/init
(cd $initrd && find . | cpio -oH newc --quiet) >/tmp/initrd.img
cp "/boot/vmlinuz-$kernel" /tmp/vmlinuz
rm -rf $initrd
