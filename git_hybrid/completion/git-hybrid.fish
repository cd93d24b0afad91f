# fish completion of git hybrid, also as "git-hybrid".
# Use: put this file into ~/.config/fish/conf.d/git-hybrid.fish, or
#      git hybrid completion fish | source in config.fish.

function __git_hybrid_words
    set -l words (commandline -opc)
    # git-hybrid-sync is git hybrid sync.
    set -l named (string replace -rf -- '^.*git-hybrid-(\w+)$' '$1' $words[1])
    set -l folders
    while not set -q named[1]; and set -q words[1]; and not contains -- $words[1] hybrid git-hybrid
        # git works in the folders of its own -C, and so does what it starts.
        if test "$words[1]" = -C; and set -q words[2]
            set -a folders -C (string replace -r -- '^~(?=/|$)' ~ $words[2])
            set -e words[1]
        end
        set -e words[1]
    end
    set -e words[1]
    string join \n -- $folders $named $words
end

function __git_hybrid_complete
    set -l cur (commandline -ct)
    set -l option (string match -r -- '^--[^=]+=' $cur)
    command git-hybrid __complete (__git_hybrid_words) $cur 2>/dev/null | while read -l -d \t kind value help
        switch $kind
            case file
                __fish_complete_path (string replace -- "$option" '' $cur)
            case dir
                __fish_complete_directories (string replace -- "$option" '' $cur)
            case '*'
                printf '%s%s\t%s\n' "$option" $value $help
        end
    end
end

function __git_hybrid_is_next
    set -l words (commandline -opc)
    contains -- hybrid $words[2..-1]
end

function __git_hybrid_is_wanted
    test (count (string match -v -- '-*' (commandline -opc))) -eq 1
end

for name in git-hybrid git-hybrid-sync git-hybrid-pin git-hybrid-resume
    complete -c $name -f -a '(__git_hybrid_complete)'
end
complete -c git -n __git_hybrid_is_wanted -f -a hybrid -d 'exact, governed copies of other people\'s repositories'
complete -c git -n __git_hybrid_is_next -f -a '(__git_hybrid_complete)'
