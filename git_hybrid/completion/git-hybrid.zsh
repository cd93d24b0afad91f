#compdef git-hybrid git-hybrid-sync git-hybrid-pin git-hybrid-resume
#description exact, durable, governed copies of other people's git repositories
# zsh completion of git hybrid, also as "git-hybrid". zsh's completion of git calls _git-hybrid for "git hybrid".
# Use: put this file as _git-hybrid into a folder of $fpath, or
#      eval "$(git hybrid completion zsh)" after compinit in ~/.zshrc.

_git-hybrid () {
	local kind value help folder
	local -a items folders named
	# git-hybrid-sync is git hybrid sync.
	[[ $service == git-hybrid-* ]] && named=(${service#git-hybrid-})
	# git works in the folders of its own -C, and so does what it starts; the completion of git keeps them.
	[[ $service == git ]] && for folder in ${(s.:.)opt_args[-C]}; do
		folders+=(-C ${(Q)~folder})
	done
	while IFS=$'\t' read -r kind value help; do
		case $kind in
		file) _files; return ;;
		dir) _files -/; return ;;
		esac
		items+=("${value//:/\\:}${help:+:$help}")
	done < <(command git-hybrid __complete $folders $named "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)
	[[ $PREFIX == --*=* ]] && compset -P '*='
	_describe -V 'git hybrid' items
}

if [[ $funcstack[1] == _git-hybrid ]]; then
	_git-hybrid "$@"
else
	compdef _git-hybrid git-hybrid git-hybrid-{sync,pin,resume}
fi
