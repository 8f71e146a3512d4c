# Completion for bash. Applets and options are read from the program's own help.
_anyarch()
{
    local word=${COMP_WORDS[COMP_CWORD]} first=${COMP_WORDS[1]:-} words=
    if ((COMP_CWORD == 1)); then
        words=$("$1" --help 2> /dev/null | sed -n '/^applets/,/^$/s/^  \([a-z-]*\) .*/\1/p')
        [[ $word == -* ]] && words=$("$1" run -help 2> /dev/null | sed -n 's/^\(-[^ ]*\).*/\1/p')
    elif [[ $first == binfmt ]]; then
        if [[ $word == -* ]]; then
            words=$("$1" binfmt --help | sed -n 's/^  \(--[a-z-]*\).*/\1/p')
        elif ((COMP_CWORD == 2)); then
            words='install uninstall status check export'
        else
            words="all $("$1" guests | sed -n 's/ .* translated .*//p')"
            [[ ${COMP_WORDS[2]} == export ]] && words="systemd debian $words"
        fi
    elif [[ $first == cache ]]; then
        ((COMP_CWORD == 2)) && words=$("$1" cache help | sed -n 's/^  \([a-z]*\) .*/\1/p')
    elif [[ $first == doctor ]]; then
        words='--json --mount --help'
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
    [[ $first == binfmt || $first == doctor ]] || mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word")
}
complete -o filenames -F _anyarch anyarch qemu-aarch64-static
