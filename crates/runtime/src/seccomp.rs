//! Which system calls a workload may make.
//!
//! An allow-list: a call that the kernel learns tomorrow is not allowed. What is not on it answers ENOSYS, so that libraries
//! fall back to an older call; what is refused on purpose answers EPERM, which people understand. Left out:
//!
//! - everything that makes or enters namespaces or changes mounts: the mounts of an instance are ours. `clone` is allowed
//!   without namespace flags; `clone3` hides its flags from the filter, so it does not exist here;
//! - keyrings, kernel modules, kexec, swap, quotas, clocks of the system, BPF, performance counters;
//! - io_uring and userfaultfd: large parts of the kernel that few programs need and many exploits used;
//! - vsock, which would reach the hypervisor.

use oci_spec::OciSpecError;
use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArgBuilder, LinuxSeccompBuilder,
    LinuxSeccompOperator, LinuxSyscall, LinuxSyscallBuilder,
};

#[rustfmt::skip]
const ALLOWED: &[&str] = &[
    // Files and folders.
    "access", "chdir", "chmod", "chown", "chown32", "close", "close_range", "copy_file_range", "creat", "dup",
    "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fadvise64_64", "fallocate", "fchdir", "fchmod",
    "fchmodat", "fchmodat2", "fchown", "fchown32", "fchownat", "fcntl", "fcntl64", "fdatasync", "fgetxattr",
    "flistxattr", "flock", "fremovexattr", "fsetxattr", "fstat", "fstat64", "fstatat64", "fstatfs",
    "fstatfs64", "fsync", "ftruncate", "ftruncate64", "futimesat", "getcwd", "getdents", "getdents64",
    "getxattr", "inotify_add_watch", "inotify_init", "inotify_init1", "inotify_rm_watch", "ioctl", "lchown",
    "lchown32", "lgetxattr", "link", "linkat", "listxattr", "llistxattr", "_llseek", "lremovexattr", "lseek",
    "lsetxattr", "lstat", "lstat64", "mkdir", "mkdirat", "mknod", "mknodat", "name_to_handle_at",
    "newfstatat", "open", "openat", "openat2", "pread64", "preadv", "preadv2", "pwrite64", "pwritev",
    "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "removexattr", "rename", "renameat",
    "renameat2", "rmdir", "sendfile", "sendfile64", "setxattr", "splice", "stat", "stat64", "statfs",
    "statfs64", "statx", "symlink", "symlinkat", "sync", "sync_file_range", "sync_file_range2", "syncfs",
    "tee", "truncate", "truncate64", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimensat_time64",
    "utimes", "vmsplice", "write", "writev", "getxattrat", "setxattrat", "listxattrat", "removexattrat",
    "cachestat",
    // Memory.
    "brk", "get_mempolicy", "madvise", "map_shadow_stack", "mbind", "membarrier", "memfd_create",
    "memfd_secret", "mincore", "mlock", "mlock2", "mlockall", "mmap", "mmap2", "mprotect", "mremap", "mseal",
    "msync", "munlock", "munlockall", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect", "process_madvise",
    "process_mrelease", "remap_file_pages", "set_mempolicy", "set_mempolicy_home_node",
    // Processes, threads, users.
    "alarm", "arch_prctl", "capget", "capset", "execve", "execveat", "exit", "exit_group", "fork", "futex",
    "futex_requeue", "futex_time64", "futex_wait", "futex_waitv", "futex_wake", "getcpu", "getegid",
    "getegid32", "geteuid", "geteuid32", "getgid", "getgid32", "getgroups", "getgroups32", "getitimer",
    "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getresgid", "getresgid32", "getresuid",
    "getresuid32", "getrlimit", "get_robust_list", "getrusage", "getsid", "get_thread_area", "gettid",
    "getuid", "getuid32", "ioprio_get", "ioprio_set", "kill", "landlock_add_rule", "landlock_create_ruleset",
    "landlock_restrict_self", "modify_ldt", "nice", "pause", "pidfd_getfd", "pidfd_open", "pidfd_send_signal",
    "prctl", "prlimit64", "process_vm_readv", "process_vm_writev", "ptrace", "restart_syscall", "rseq",
    "sched_getaffinity", "sched_getattr", "sched_getparam", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getscheduler", "sched_rr_get_interval", "sched_rr_get_interval_time64",
    "sched_setaffinity", "sched_setattr", "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp",
    "setfsgid", "setfsgid32", "setfsuid", "setfsuid32", "setgid", "setgid32", "setgroups", "setgroups32",
    "setitimer", "setpgid", "setpriority", "setregid", "setregid32", "setresgid", "setresgid32", "setresuid",
    "setresuid32", "setreuid", "setreuid32", "setrlimit", "set_robust_list", "setsid", "set_thread_area",
    "set_tid_address", "setuid", "setuid32", "sysinfo", "tgkill", "times", "tkill", "ugetrlimit", "uname",
    "vfork", "wait4", "waitid", "waitpid",
    // Signals, time, waiting.
    "clock_getres", "clock_getres_time64", "clock_gettime", "clock_gettime64", "clock_nanosleep",
    "clock_nanosleep_time64", "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2",
    "epoll_wait", "eventfd", "eventfd2", "gettimeofday", "nanosleep", "_newselect", "poll", "ppoll",
    "ppoll_time64", "pselect6", "pselect6_time64", "rt_sigaction", "rt_sigpending", "rt_sigprocmask",
    "rt_sigqueueinfo", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "rt_sigtimedwait_time64",
    "rt_tgsigqueueinfo", "select", "sigaltstack", "signal", "signalfd", "signalfd4", "sigprocmask",
    "sigreturn", "sigsuspend", "time", "timer_create", "timer_delete", "timer_getoverrun", "timer_gettime",
    "timer_gettime64", "timer_settime", "timer_settime64", "timerfd_create", "timerfd_gettime",
    "timerfd_gettime64", "timerfd_settime", "timerfd_settime64",
    // Pipes, sockets, System V and POSIX IPC, asynchronous I/O.
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "io_cancel",
    "io_destroy", "io_getevents", "io_pgetevents", "io_pgetevents_time64", "io_setup", "io_submit", "ipc",
    "listen", "mq_getsetattr", "mq_notify", "mq_open", "mq_timedreceive", "mq_timedreceive_time64",
    "mq_timedsend", "mq_timedsend_time64", "mq_unlink", "msgctl", "msgget", "msgrcv", "msgsnd", "pipe",
    "pipe2", "recv", "recvfrom", "recvmmsg", "recvmmsg_time64", "recvmsg", "semctl", "semget", "semop",
    "semtimedop", "semtimedop_time64", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shmat",
    "shmctl", "shmdt", "shmget", "shutdown", "socketcall", "socketpair", "getrandom",
];

/// Refused with EPERM. Everything else that is not allowed answers ENOSYS.
#[rustfmt::skip]
const REFUSED: &[&str] = &[
    "acct", "add_key", "adjtimex", "bpf", "chroot", "clock_adjtime", "clock_settime", "delete_module",
    "fanotify_init", "finit_module", "fsconfig", "fsmount", "fsopen", "fspick", "init_module",
    "io_uring_enter", "io_uring_register", "io_uring_setup", "ioperm", "iopl", "kexec_file_load",
    "kexec_load", "keyctl", "mount", "mount_setattr", "move_mount", "move_pages", "migrate_pages",
    "nfsservctl", "open_by_handle_at", "open_tree", "open_tree_attr", "perf_event_open", "pivot_root",
    "quotactl", "quotactl_fd", "reboot", "request_key", "setdomainname", "sethostname", "setns",
    "settimeofday", "swapoff", "swapon", "syslog", "umount", "umount2", "unshare", "userfaultfd", "vhangup",
];

/// `CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET`.
const CLONE_NAMESPACES: u64 = 0x7E02_0000;
const AF_VSOCK: u64 = 40;
/// What personality(2) may be set to: Linux, 32 bit, either with the name of an old kernel; all ones only asks.
const PERSONALITIES: [u64; 5] = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xFFFF_FFFF];

const EPERM: u32 = 1;
const ENOSYS: u32 = 38;

pub(crate) fn profile() -> Result<LinuxSeccomp, OciSpecError> {
    let mut syscalls = vec![
        allowed(ALLOWED)?,
        allowed_if("clone", 0, CLONE_NAMESPACES, Some(0), LinuxSeccompOperator::ScmpCmpMaskedEq)?,
        allowed_if("socket", 0, AF_VSOCK, None, LinuxSeccompOperator::ScmpCmpNe)?,
        answered(REFUSED, EPERM)?,
        answered(&["clone3"], ENOSYS)?,
    ];
    for personality in PERSONALITIES {
        syscalls.push(allowed_if("personality", 0, personality, None, LinuxSeccompOperator::ScmpCmpEq)?);
    }
    LinuxSeccompBuilder::default()
        .default_action(LinuxSeccompAction::ScmpActErrno)
        .default_errno_ret(ENOSYS)
        .architectures(architectures())
        .syscalls(syscalls)
        .build()
}

/// The machine's own, and the 32-bit one whose programs it runs.
fn architectures() -> Vec<Arch> {
    if cfg!(target_arch = "aarch64") {
        vec![Arch::ScmpArchAarch64, Arch::ScmpArchArm]
    } else {
        vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86]
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn allowed(names: &[&str]) -> Result<LinuxSyscall, OciSpecError> {
    LinuxSyscallBuilder::default().names(owned(names)).action(LinuxSeccompAction::ScmpActAllow).build()
}

fn answered(names: &[&str], errno: u32) -> Result<LinuxSyscall, OciSpecError> {
    let action = LinuxSeccompAction::ScmpActErrno;
    LinuxSyscallBuilder::default().names(owned(names)).action(action).errno_ret(errno).build()
}

fn allowed_if(
    name: &str,
    index: usize,
    value: u64,
    value_two: Option<u64>,
    operator: LinuxSeccompOperator,
) -> Result<LinuxSyscall, OciSpecError> {
    let mut argument = LinuxSeccompArgBuilder::default().index(index).value(value).op(operator);
    if let Some(value_two) = value_two {
        argument = argument.value_two(value_two);
    }
    LinuxSyscallBuilder::default()
        .names(owned(&[name]))
        .action(LinuxSeccompAction::ScmpActAllow)
        .args(vec![argument.build()?])
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No call is both allowed and refused, and none that leads out of the instance is allowed without a condition.
    #[test]
    fn the_lists_do_not_contradict() {
        for name in ALLOWED {
            assert!(!REFUSED.contains(name), "{name} is on both lists");
        }
        let doubled = ALLOWED.iter().filter(|name| ALLOWED.iter().filter(|other| other == name).count() > 1);
        assert_eq!(doubled.collect::<Vec<_>>(), Vec::<&&str>::new());
        for name in [
            "clone",
            "clone3",
            "socket",
            "personality",
            "unshare",
            "setns",
            "mount",
            "chroot",
            "bpf",
            "keyctl",
        ] {
            assert!(!ALLOWED.contains(&name), "{name} is allowed without a condition");
        }
        profile().unwrap();
    }
}
